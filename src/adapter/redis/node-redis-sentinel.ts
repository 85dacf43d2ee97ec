import { deadlineSignal, withDeadline } from '../deadline.js';
import type { RedisDriver } from './driver.js';
import type { DriverSettings } from './driver-settings.js';
import type { OpenLink } from './link.js';
import { MasterFollowers } from './master-followers.js';
import { nodeRedisLink, ownSettings, type NodeRedisClient } from './node-redis-link.js';

/** What is used of a client made by `createSentinel()` of the `redis` package, versions 5 and 6. */
export interface NodeRedisSentinel {
  readonly isOpen: boolean;
  readonly isReady: boolean;
  acquire(): Promise<unknown>;
  getMasterNode(): { host: string; port: number } | undefined;
  _execute<T>(isReadonly: boolean, run: (client: NodeRedisClient) => Promise<T>): Promise<T>;
}

/** Longest wait for a client of a master, in milliseconds: all of them may be in use. */
const LEASE_TIMEOUT = 2_000;

/** Driver for a Sentinel client of the `redis` package, which is asked for the master. It has one only while it is connected. */
export function nodeRedisSentinelDriver(sentinel: NodeRedisSentinel, settings: DriverSettings): RedisDriver {
  /**
   * A client of some master, for how it is connected. It is asked for once: whoever waits for one while the Sentinel client is closed
   * makes that client go round in a circle for ever, and the process with it.
   */
  let model: Promise<NodeRedisClient> | undefined;
  let database: number | undefined;
  const lease = (): Promise<NodeRedisClient> =>
    sentinel
      ._execute(false, (client) => Promise.resolve(client))
      .catch((error: unknown) => {
        model = undefined;
        throw error;
      });
  const open: OpenLink = async (onLost, signal) => {
    if (!sentinel.isOpen) throw new Error('The Sentinel client is not connected. Call its `connect()`');
    if (sentinel.isReady) model ??= lease();
    const client = await leased(model, signal);
    const master = sentinel.getMasterNode();
    if (client === undefined || master === undefined) {
      throw new Error('The Sentinel client knows of no master at the moment');
    }
    const { options } = client;
    database = options?.database ?? 0;
    const own = ownSettings({ ...options, socket: { ...options?.socket, ...master } });
    const link = nodeRedisLink(() => client.duplicate(own), settings.useShardedPubSub);
    return link(onLost, signal);
  };
  const followers = new MasterFollowers(open, settings.telemetry, true);
  return {
    open: (role) => followers.open(role),
    server: { address: undefined, port: undefined },
    get database() {
      return database;
    },
  };
}

/** The client, unless it takes too long. */
async function leased(
  lease: Promise<NodeRedisClient> | undefined,
  signal: AbortSignal,
): Promise<NodeRedisClient | undefined> {
  if (lease === undefined) return undefined;
  const patience = deadlineSignal(LEASE_TIMEOUT, `No client was free within ${LEASE_TIMEOUT} ms`, signal);
  try {
    return await withDeadline(lease, patience.signal);
  } catch (error) {
    if (patience.signal.aborted && !signal.aborted) return undefined;
    throw error;
  } finally {
    patience.clear();
  }
}
