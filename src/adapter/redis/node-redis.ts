import { Connection } from './connection.js';
import type { RedisDriver } from './driver.js';
import type { DriverSettings } from './driver-settings.js';
import { nodeRedisLink, ownSettings, type NodeRedisClient } from './node-redis-link.js';
import { checked } from './server-check.js';

/** Driver for a client made by `createClient()` of the `redis` package. */
export function nodeRedisDriver(client: NodeRedisClient, settings: DriverSettings): RedisDriver {
  const duplicate = (): NodeRedisClient => client.duplicate(ownSettings(client.options));
  const open = checked(nodeRedisLink(duplicate, settings.useShardedPubSub), 'master');
  const { host, port, path } = client.options?.socket ?? {};
  return {
    open: (role) => new Connection(role, open, settings.telemetry),
    database: client.options?.database ?? 0,
    server: { address: path ?? host ?? 'localhost', port: path === undefined ? (port ?? 6379) : undefined },
  };
}
