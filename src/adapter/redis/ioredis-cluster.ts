import { InvalidOptionError } from '../errors.js';
import { ClusterConnection } from './cluster/cluster-connection.js';
import { Topology, type ClusterNodes } from './cluster/topology.js';
import type { RedisDriver } from './driver.js';
import type { DriverSettings } from './driver-settings.js';
import { ioRedisLink, NO_TIMEOUTS, OWN_SETTINGS, type IoRedisClient, type IoRedisOptions } from './ioredis-link.js';
import type { OpenLink } from './link.js';
import { addressText, type ServerAddress } from './server-address.js';
import { checked } from './server-check.js';

/** A node to begin with, as ioredis takes it: port, URL, or options. */
type StartupNode = number | string | IoRedisOptions;

/** What is used of a `Cluster` of the `ioredis` package, versions 5 and 6. */
export interface IoRedisCluster {
  readonly isCluster: true;
  readonly startupNodes: readonly StartupNode[];
  readonly options: {
    redisOptions?: IoRedisOptions;
    natMap?: Record<string, ServerAddress> | ((name: string) => ServerAddress | null) | null;
    useSRVRecords?: boolean;
    keyPrefix?: unknown;
  };
}

type Options = number | string | object;

type RedisConstructor = new (...options: Options[]) => IoRedisClient;

/** Driver for a `Cluster` of the `ioredis` package. */
export function ioRedisClusterDriver(cluster: IoRedisCluster, settings: DriverSettings): RedisDriver {
  const { redisOptions = {}, natMap, useSRVRecords } = cluster.options;
  if (useSRVRecords) {
    throw new InvalidOptionError(
      'The Redis client has the option `useSRVRecords`, with which nodes cannot be looked up. Give a client with nodes of the cluster by name or address.',
      'client',
    );
  }
  const linkTo = (node: StartupNode): OpenLink => {
    const own = typeof node === 'object' ? { ...node, ...NO_TIMEOUTS } : node;
    // the first of them that has an option decides
    const options = [{ ...OWN_SETTINGS, db: 0 }, own, { ...redisOptions, ...NO_TIMEOUTS }];
    return checked(linkWith(options, settings.useShardedPubSub), 'cluster node');
  };
  const nodes: ClusterNodes = {
    seeds: cluster.startupNodes.map((node) => ({ host: addressOf(node).host, open: linkTo(node) })),
    open: (address) => {
      const name = addressText(address);
      const mapped = typeof natMap === 'function' ? natMap(name) : natMap?.[name];
      return linkTo({ ...(mapped ?? address) });
    },
  };
  const topology = new Topology(nodes);
  const { host, port } = addressOf(cluster.startupNodes[0] ?? 6379);
  return {
    open: (role) => new ClusterConnection(role, topology, nodes, settings),
    server: { address: host, port },
  };
}

function linkWith(options: readonly Options[], sharded: boolean): OpenLink {
  return async (onLost, signal) => {
    // only here, as those who use another client may not have the package
    const { Redis } = (await import('ioredis')) as unknown as { Redis: RedisConstructor };
    return ioRedisLink(() => new Redis(...options), sharded)(onLost, signal);
  };
}

function addressOf(node: StartupNode): ServerAddress {
  if (typeof node === 'number') return { host: '127.0.0.1', port: node };
  if (typeof node === 'object') return { host: node.host ?? '127.0.0.1', port: node.port ?? 6379 };
  const url = node.includes('//') ? node : `redis://${node}`;
  const { hostname, port } = URL.canParse(url) ? new URL(url) : { hostname: '', port: '' };
  return { host: hostname || '127.0.0.1', port: Number(port) || 6379 };
}
