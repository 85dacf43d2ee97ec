import { toError } from '../errors.js';
import { ClusterConnection } from './cluster/cluster-connection.js';
import { Topology, type ClusterNodes } from './cluster/topology.js';
import type { RedisDriver } from './driver.js';
import type { DriverSettings } from './driver-settings.js';
import type { OpenLink } from './link.js';
import { nodeRedisLink, ownSettings, type NodeRedisClient, type NodeRedisOptions } from './node-redis-link.js';
import { addressText } from './server-address.js';
import { checked } from './server-check.js';

type Socket = { host?: string; port?: number };

interface NodeOptions extends NodeRedisOptions {
  url?: string;
}

/** What is used of a client made by `createCluster()` of the `redis` package, versions 5 and 6. */
export interface NodeRedisCluster {
  nodeClient(node: unknown): unknown;
  readonly _options: {
    rootNodes: readonly NodeOptions[];
    defaults?: NodeOptions;
    nodeAddressMap?: Record<string, Socket> | ((address: string) => Socket | undefined);
    keyPrefix?: unknown;
  };
}

/** Driver for a cluster client of the `redis` package. */
export function nodeRedisClusterDriver({ _options }: NodeRedisCluster, settings: DriverSettings): RedisDriver {
  const { rootNodes, defaults, nodeAddressMap } = _options;
  const linkTo = (own: NodeOptions): OpenLink => {
    const options = { ...defaults, ...own, socket: { ...defaults?.socket, ...own.socket } };
    return checked(linkWith(options, settings.useShardedPubSub), 'cluster node');
  };
  const nodes: ClusterNodes = {
    seeds: rootNodes.map((root) => ({ host: socketOf(root).host, open: linkTo(root) })),
    open: ({ host, port }) => {
      const name = addressText({ host, port });
      const mapped = typeof nodeAddressMap === 'function' ? nodeAddressMap(name) : nodeAddressMap?.[name];
      return linkTo({ socket: mapped ?? { host, port } });
    },
  };
  const topology = new Topology(nodes);
  const { host, port } = socketOf(rootNodes[0] ?? {});
  return {
    open: (role) => new ClusterConnection(role, topology, nodes, settings),
    server: { address: host, port },
  };
}

function linkWith(options: NodeOptions, sharded: boolean): OpenLink {
  return async (onLost, signal) => {
    // only here, as those who use another client may not have the package
    const { createClient } = await import('redis');
    const create = (): NodeRedisClient => {
      try {
        return createClient({ ...options, ...ownSettings(options) } as object) as unknown as NodeRedisClient;
      } catch (error) {
        // The cause is not passed on: it may show the URL, and so the password.
        throw new Error(toError(error).message.replaceAll(/\/\/\S*@/g, '//***@'));
      }
    };
    return nodeRedisLink(create, sharded)(onLost, signal);
  };
}

function socketOf({ url, socket }: NodeOptions): { host: string; port: number } {
  const parsed = url !== undefined && URL.canParse(url) ? new URL(url) : undefined;
  return {
    host: parsed?.hostname || socket?.host || 'localhost',
    port: Number(parsed?.port) || socket?.port || 6379,
  };
}
