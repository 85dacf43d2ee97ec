import type { RedisDriver } from './driver.js';
import type { DriverSettings } from './driver-settings.js';
import { MasterFollowers } from './master-followers.js';
import { nodeRedisLink, ownSettings, type NodeRedisClient } from './node-redis-link.js';

/** Driver for a client made by `createClient()` of the `redis` package. */
export function nodeRedisDriver(client: NodeRedisClient, settings: DriverSettings): RedisDriver {
  const duplicate = (): NodeRedisClient => client.duplicate(ownSettings(client.options));
  const followers = new MasterFollowers(nodeRedisLink(duplicate, settings.useShardedPubSub), settings.telemetry, false);
  const { host, port, path } = client.options?.socket ?? {};
  return {
    open: (role) => followers.open(role),
    database: client.options?.database ?? 0,
    server: { address: path ?? host ?? 'localhost', port: path === undefined ? (port ?? 6379) : undefined },
  };
}
