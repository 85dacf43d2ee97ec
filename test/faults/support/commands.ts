import type { RedisServer } from '../../../src/testing/index.js';

/** Makes Redis remember every command from now on. */
export async function watchCommands(redis: RedisServer): Promise<void> {
  await redis.command('CONFIG', 'SET', 'slowlog-log-slower-than', '0', 'slowlog-max-len', '100000');
  await redis.command('SLOWLOG', 'RESET');
}

/** The commands of that name since {@link watchCommands}, as lists of arguments, oldest first. See https://redis.io/docs/latest/commands/slowlog-get/ */
export async function commandsSince(redis: RedisServer, name: string): Promise<string[][]> {
  const entries = (await redis.command('SLOWLOG', 'GET', '-1')) as Array<[unknown, unknown, unknown, string[]]>;
  return entries
    .map(([, , , command]) => command)
    .filter(([first]) => first?.toUpperCase() === name)
    .reverse();
}
