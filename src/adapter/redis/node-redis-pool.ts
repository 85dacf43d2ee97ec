import { withDeadline } from '../deadline.js';
import type { RedisDriver } from './driver.js';
import type { DriverSettings } from './driver-settings.js';
import type { OpenLink } from './link.js';
import { MasterFollowers } from './master-followers.js';
import { nodeRedisLink, ownSettings, type NodeRedisClient } from './node-redis-link.js';

/** What is used of a pool made by `createClientPool()` of the `redis` package, versions 5 and 6. */
export interface NodeRedisPool {
  readonly isOpen: boolean;
  readonly totalClients: number;
  execute<T>(run: (client: NodeRedisClient) => T): Promise<T>;
}

/** Driver for a pool of the `redis` package. Only its clients know its settings, so it has clients once it is connected. */
export function nodeRedisPoolDriver(pool: NodeRedisPool, settings: DriverSettings): RedisDriver {
  let template: NodeRedisClient | undefined;
  /** A client of the pool, for how it is connected. It is asked for once: those of the pool are for the application. */
  let lease: Promise<NodeRedisClient> | undefined;
  const leased = async (): Promise<NodeRedisClient> => {
    try {
      return (template = await clientOf(pool));
    } catch (error) {
      lease = undefined;
      throw error;
    }
  };
  const open: OpenLink = async (onLost, signal) => {
    const known = await withDeadline((lease ??= leased()), signal);
    const duplicate = (): NodeRedisClient => known.duplicate(ownSettings(known.options));
    return nodeRedisLink(duplicate, settings.useShardedPubSub)(onLost, signal);
  };
  const followers = new MasterFollowers(open, settings.telemetry, false);
  return {
    open: (role) => followers.open(role),
    get database() {
      return template && (template.options?.database ?? 0);
    },
    get server() {
      const { host, port, path } = template?.options?.socket ?? {};
      return { address: path ?? host, port };
    },
  };
}

async function clientOf(pool: NodeRedisPool): Promise<NodeRedisClient> {
  if (!pool.isOpen) throw new Error('The pool of Redis clients is not connected. Call its `connect()`');
  return pool.execute((client) => client);
}
