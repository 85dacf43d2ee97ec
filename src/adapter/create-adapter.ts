import { clusterView, type ClusterView } from './cluster/cluster-view.js';
import { ClusterNode } from './cluster-node.js';
import { containedEvents, type EventSubscriptions, type RedisStreamsEvents } from './events.js';
import type { RedisStreamsAdapterOptions } from './options.js';
import { createDriver, type RedisClient } from './redis/create-driver.js';
import { RedisStreamsAdapter } from './redis-streams-adapter.js';
import { resolveOptions } from './resolve-options.js';
import { withScope } from './scope.js';
import type { NodeSnapshot } from './snapshot.js';
import type { NamespaceLike, ServerLike } from './socket-io.js';

/**
 * What `createAdapter()` returns: the `adapter` option of a Socket.IO Server.
 *
 * One serves several Servers. Each is a node of its own, with its own connections. Those of one scope, which by default is that of one
 * path, are in one cluster, as if they were in different processes; those of different scopes share nothing.
 */
export interface AdapterFactory {
  // socket.io calls the factory with `new`, and types its argument loosely
  (nsp: unknown): RedisStreamsAdapter;
  new (nsp: unknown): RedisStreamsAdapter;
  /** What happens to the nodes of all Servers of this factory. */
  readonly events: EventSubscriptions<RedisStreamsEvents>;
  /**
   * Resolves when the Server is in the cluster.
   *
   * @throws if the Server has no namespace with this adapter.
   * @throws {RedisUnavailableError} when Redis cannot be reached within `readyTimeout`.
   */
  ready(server: unknown): Promise<void>;
  /** Saves what is to be saved, leaves the cluster, and lets Redis go. `Server.close()` does so, too. */
  close(server: unknown): Promise<void>;
  /**
   * What the node of a Server can tell of its cluster.
   *
   * @throws if the Server has no namespace with this adapter.
   */
  cluster(server: unknown): ClusterView;
  /** The state of the Servers' nodes. */
  snapshot(): NodeSnapshot[];
}

/**
 * Makes the `adapter` option of a Socket.IO Server.
 *
 * ```ts
 * const adapter = createAdapter(redisClient);
 * const io = new Server(httpServer, { adapter });
 * await adapter.ready(io);
 * ```
 *
 * @param client a client of the package `redis` or `ioredis`, connected or not. Connections of the package's own are made from its
 *   settings; the client itself is neither used nor closed.
 * @param options every one has a default.
 * @throws {InvalidOptionError} naming the option, its value and what is allowed.
 */
export function createAdapter(client: RedisClient, options: RedisStreamsAdapterOptions = {}): AdapterFactory {
  const resolved = resolveOptions(options);
  const driver = createDriver(client, resolved);
  const nodes = new Map<ServerLike, ClusterNode>();
  const events = containedEvents();

  const nodeOf = (server: ServerLike): ClusterNode => {
    const known = nodes.get(server);
    if (known && !known.closed) return known;
    for (const [other, { closed }] of nodes) if (closed) nodes.delete(other);
    const node = new ClusterNode(
      driver,
      withScope(resolved, resolved.scope ?? defaultScope(server)),
      server.opts.connectionStateRecovery?.maxDisconnectionDuration,
      events,
    );
    nodes.set(server, node);
    return node;
  };

  const nodeThatIs = (server: ServerLike): ClusterNode => {
    const node = nodes.get(server);
    if (node !== undefined) return node;
    throw new Error('The Server is not in a cluster. Make sure that its option `adapter` is the one that is asked.');
  };

  // not an arrow function, so that it can be called with `new`
  const factory = function (nsp: NamespaceLike): RedisStreamsAdapter {
    return new RedisStreamsAdapter(nsp, nodeOf(nsp.server));
  };
  return Object.assign(factory, {
    events,
    ready: async (server: ServerLike) => nodeThatIs(server).ready(),
    close: async (server: ServerLike) => {
      // a namespace that is made while the node says farewell has another node
      for (let node = nodes.get(server); node; node = nodes.get(server)) {
        await node.close();
        if (nodes.get(server) === node) nodes.delete(server);
      }
    },
    cluster: (server: ServerLike) => clusterView(nodeThatIs(server)),
    snapshot: () => [...nodes.values()].filter((node) => !node.closed).map((node) => node.snapshot()),
  }) as unknown as AdapterFactory;
}

function defaultScope(server: ServerLike): string {
  const path = server.path();
  return path === '/socket.io' ? '' : path;
}
