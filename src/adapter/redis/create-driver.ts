import { InvalidOptionError } from '../errors.js';
import { show } from '../resolve-options.js';
import type { RedisDriver } from './driver.js';
import type { DriverSettings } from './driver-settings.js';
import { ioRedisDriver } from './ioredis.js';
import { ioRedisClusterDriver, type IoRedisCluster } from './ioredis-cluster.js';
import type { IoRedisClient } from './ioredis-link.js';
import { nodeRedisDriver } from './node-redis.js';
import { nodeRedisClusterDriver, type NodeRedisCluster } from './node-redis-cluster.js';
import type { NodeRedisClient } from './node-redis-link.js';
import { nodeRedisPoolDriver, type NodeRedisPool } from './node-redis-pool.js';
import { nodeRedisSentinelDriver, type NodeRedisSentinel } from './node-redis-sentinel.js';

/**
 * A client of Redis: of the package `redis` (5 or 6), made by `createClient()`, `createCluster()`, `createSentinel()` or
 * `createClientPool()`, or of the package `ioredis` (5 or 6), a `Redis`, with Sentinel or without, or a `Cluster`. Whatever modules,
 * scripts and versions of the protocol it has, it fits.
 */
export type RedisClient = NodeRedisClientLike | IoRedisClientLike;

/** What tells a client of the package `redis`. */
export interface NodeRedisClientLike {
  readonly isOpen: boolean;
  sendCommand(...args: never[]): Promise<unknown>;
}

/** What tells a client of the package `ioredis`. */
export interface IoRedisClientLike {
  readonly status: string;
  readonly isCluster: boolean;
  disconnect(): void;
}

/** What a client of either package is looked at for. */
type Candidate = Partial<NodeRedisClient & NodeRedisCluster & NodeRedisSentinel & NodeRedisPool> & {
  isCluster?: boolean;
  startupNodes?: unknown;
  status?: string;
  _keyPrefix?: unknown;
};

/**
 * Finds out which family of clients `client` is of. Nothing else asks.
 *
 * @throws {InvalidOptionError} when it is of none, or has an option that cannot be met.
 */
export function createDriver(client: RedisClient, settings: DriverSettings): RedisDriver {
  const candidate = (client ?? {}) as Candidate;
  refuseKeyPrefix(candidate);
  if (typeof candidate.status === 'string' && typeof candidate.isCluster === 'boolean') {
    return candidate.isCluster
      ? ioRedisClusterDriver(client as unknown as IoRedisCluster, settings)
      : ioRedisDriver(client as unknown as IoRedisClient, settings);
  }
  const { sendCommand, nodeClient, _options, acquire, _execute, execute, totalClients, duplicate, sSubscribe } =
    candidate;
  if (typeof sendCommand === 'function') {
    if (typeof nodeClient === 'function' && Array.isArray(_options?.rootNodes)) {
      return nodeRedisClusterDriver(client as unknown as NodeRedisCluster, settings);
    }
    if (typeof acquire === 'function' && typeof _execute === 'function') {
      return nodeRedisSentinelDriver(client as unknown as NodeRedisSentinel, settings);
    }
    if (typeof execute === 'function' && typeof totalClients === 'number') {
      return nodeRedisPoolDriver(client as unknown as NodeRedisPool, settings);
    }
    if (typeof duplicate === 'function' && typeof sSubscribe === 'function') {
      return nodeRedisDriver(client as unknown as NodeRedisClient, settings);
    }
  }
  throw new InvalidOptionError(
    'The Redis client must be one that `createClient()`, `createCluster()`, `createSentinel()` or `createClientPool()` of the package ' +
      `\`redis\` (5 or 6) returns, or a \`Redis\` or \`Cluster\` of the package \`ioredis\` (5 or 6), but is ${described(client)}.`,
    'client',
  );
}

/** Without the text: the URL of a Redis is given for a client now and then, and may hold a password. */
function described(client: unknown): string {
  return typeof client === 'string' ? 'a string' : show(client);
}

/** It would hold for the keys, but not for the channels, on which applications with different prefixes would meet. */
function refuseKeyPrefix({ options, _options, _keyPrefix }: Candidate): void {
  const prefix = options?.keyPrefix || _options?.keyPrefix || _keyPrefix;
  if (!prefix) return;
  throw new InvalidOptionError(
    `The Redis client has the option \`keyPrefix\` ('${String(prefix as string)}'), which Redis' channels know nothing of. Give a client ` +
      'without it, and set the option `keyPrefix` of the adapter instead, which they do.',
    'client',
  );
}
