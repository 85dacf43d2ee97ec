import type { RedisArgument } from '../driver.js';

/** The key, or the channel, that decides which node of a cluster a command is for; `undefined` for one that is for all of them. */
export function commandKey(args: readonly RedisArgument[]): RedisArgument | undefined {
  const command = String(args[0]);
  switch (command) {
    case 'PUBSUB':
      return undefined;
    case 'XINFO':
      return args[2];
    case 'XREAD':
      return args[args.indexOf('STREAMS') + 1];
    case 'XADD':
    case 'XRANGE':
    case 'XREVRANGE':
    case 'SET':
    case 'GET':
    case 'DEL':
    case 'RPUSH':
    case 'LREM':
    case 'LINDEX':
    case 'PEXPIRE':
    case 'PUBLISH':
    case 'SPUBLISH':
      return args[1];
    default:
      throw new TypeError(`Which node of a Redis Cluster the command ${command} is for is not known.`);
  }
}
