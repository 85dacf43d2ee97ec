import { InvalidOptionError } from '../errors.js';
import type { ResolvedOptions } from '../options.js';
import { show } from '../resolve-options.js';
import type { RedisDriver } from './driver.js';
import { nodeRedisDriver } from './node-redis.js';
import type { NodeRedisClient } from './node-redis-link.js';

/** A client of the `redis` package (5 or 6), as made by `createClient()`. Whatever modules, scripts and versions of the protocol it has, it fits. */
export interface RedisClient {
  /** Makes a client with the same settings. */
  duplicate(): unknown;
  /** Sends one command, for example `['PING']`, and resolves with the reply. */
  sendCommand(args: ReadonlyArray<string | Buffer>): Promise<unknown>;
}

/** Finds out which family of clients `client` is of. Nothing else asks. */
export function createDriver(
  client: RedisClient,
  options: Pick<ResolvedOptions, 'useShardedPubSub' | 'telemetry'>,
): RedisDriver {
  if (isNodeRedisClient(client)) return nodeRedisDriver(client, options);
  throw new InvalidOptionError(
    `The Redis client must be one that \`createClient()\` of the \`redis\` package returns, but is ${show(client)}.`,
    'client',
  );
}

function isNodeRedisClient(client: unknown): client is NodeRedisClient {
  const { duplicate, sendCommand, sSubscribe } = (client ?? {}) as Partial<NodeRedisClient>;
  return typeof duplicate === 'function' && typeof sendCommand === 'function' && typeof sSubscribe === 'function';
}
