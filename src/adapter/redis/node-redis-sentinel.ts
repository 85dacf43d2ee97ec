import { withDeadline } from '../deadline.js';
import type { RedisDriver } from './driver.js';
import type { DriverSettings } from './driver-settings.js';
import type { OpenLink } from './link.js';
import { MasterFollowers } from './master-followers.js';
import { nodeRedisLink, ownSettings, type NodeRedisClient } from './node-redis-link.js';

/** What is used of a client made by `createSentinel()` of the `redis` package, versions 5 and 6. */
export interface NodeRedisSentinel {
  readonly isOpen: boolean;
  acquire(): Promise<unknown>;
  _execute<T>(isReadonly: boolean, run: (client: NodeRedisClient) => Promise<T>): Promise<T>;
}

/** Longest wait for the client to name the master, in milliseconds. Who asks it during a failover may wait for what never comes. */
const ASK_TIMEOUT = 2_000;

/** Driver for a Sentinel client of the `redis` package, which is asked for the master. It has one only while it is connected. */
export function nodeRedisSentinelDriver(sentinel: NodeRedisSentinel, settings: DriverSettings): RedisDriver {
  const open: OpenLink = async (onLost, signal) => {
    const patience = AbortSignal.timeout(ASK_TIMEOUT);
    const master = await withDeadline(masterOf(sentinel), AbortSignal.any([signal, patience])).catch(
      (error: unknown) => {
        throw patience.aborted ? new Error('The Sentinel client knows of no master at the moment') : error;
      },
    );
    const duplicate = (): NodeRedisClient => master.duplicate(ownSettings(master.options));
    return nodeRedisLink(duplicate, settings.useShardedPubSub)(onLost, signal);
  };
  const followers = new MasterFollowers(open, settings.telemetry);
  return { open: (role) => followers.open(role), server: { address: undefined, port: undefined } };
}

async function masterOf(sentinel: NodeRedisSentinel): Promise<NodeRedisClient> {
  if (!sentinel.isOpen) throw new Error('The Sentinel client is not connected. Call its `connect()`');
  return sentinel._execute(false, (client) => Promise.resolve(client));
}
