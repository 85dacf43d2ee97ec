import { RedisUnavailableError } from '../../errors.js';
import type { Connection } from '../connection.js';
import type { ServerAddress } from '../server-address.js';
import type { NodePool } from './node-pool.js';
import { isClusterDown, redirectionIn } from './redirection.js';
import type { Topology } from './topology.js';

/** Most redirections that one command follows; more than two mean that the nodes do not agree. */
const MOST_REDIRECTIONS = 5;

/** Longest wait for a connection to a node that was never connected to before, in milliseconds. */
const CONNECT_TIMEOUT = 5_000;

export interface Route {
  slot: number;
  topology: Topology;
  pool: NodePool;
  /** Whether a slot that was moved for good is followed at once; otherwise the caller is told, and finds out first what has become of the stream. */
  follow: boolean;
}

/** Has `run` send to the node that has the slot, and again to the one that it is redirected to: a command that is redirected has not taken effect. */
export async function redirect<T>(
  { slot, topology, pool, follow }: Route,
  run: (connection: Connection) => Promise<T>,
): Promise<T> {
  let address = topology.ownerOf(slot);
  let asking = false;
  for (let redirections = 0; ; redirections++) {
    if (address === undefined) throw unserved(slot, topology.lastError);
    const connection = await usable(pool, address);
    try {
      // right before the command, which it is good for
      if (asking) connection.send(['ASKING']).catch(() => undefined);
      return await run(connection);
    } catch (error) {
      // it may have been taken out of the cluster, in which case it tells nobody where the slot is
      if (isClusterDown(error)) topology.refresh().catch(() => undefined);
      const redirection = redirectionIn(error);
      if (redirection === undefined || redirections === MOST_REDIRECTIONS) throw error;
      asking = redirection.kind === 'ask';
      const { host, port }: ServerAddress = redirection.address;
      address = { host: host || address.host, port };
      if (!asking) topology.moved(redirection.slot, address);
      if (!asking && !follow) throw error;
    }
  }
}

/** One that was lost rejects at once; one that is only being made is waited for. */
export async function usable(pool: NodePool, address: ServerAddress): Promise<Connection> {
  const connection = pool.get(address);
  if (connection.state === 'connecting') await connection.whenReady(AbortSignal.timeout(CONNECT_TIMEOUT));
  return connection;
}

function unserved(slot: number, cause: Error | undefined): RedisUnavailableError {
  return new RedisUnavailableError(`No node of the Redis Cluster is known to have slot ${slot}.`, { cause });
}
