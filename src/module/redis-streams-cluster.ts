import type {
  ClusterMembers,
  ClusterRequestOptions,
  ClusterView,
  CountOptions,
  NodeSnapshot,
  NodeStatus,
  SocketCount,
} from '../adapter/index.js';
import type { SocketServerAddress } from './module-options.js';
import { describeServer, serverAddress } from './server-options.js';
import type { SocketServers } from './socket-servers.js';

/**
 * What this process can tell of the cluster that its Socket.IO server is in.
 *
 * ```ts
 * constructor(private readonly cluster: RedisStreamsCluster) {}
 *
 * async online(team: string): Promise<number> {
 *   const { sockets } = await this.cluster.count(`team:${team}`);
 *   return sockets;
 * }
 * ```
 *
 * It is about the gateways that set neither port nor path; for others see {@link forServer}. Every method fails where there is no such
 * server, and before the application has been initialised.
 */
export class RedisStreamsCluster implements ClusterView {
  readonly #servers: SocketServers;

  /** @internal */
  constructor(servers: SocketServers) {
    this.#servers = servers;
  }

  /** The nodes, and what they tell of themselves. Who does not answer in time is named. */
  async nodes(options?: ClusterRequestOptions): Promise<ClusterMembers> {
    return this.forServer({}).nodes(options);
  }

  /**
   * Counts the sockets in the rooms (of all, when none is given) on all nodes, after everything that this node has published so far.
   * Handshakes and data stay where they are. Who does not answer in time is named.
   */
  async count(rooms?: string | readonly string[], options?: CountOptions): Promise<SocketCount> {
    return this.forServer({}).count(rooms, options);
  }

  /**
   * The node of this process: its connections, its outbox, its place in the stream and how far that is behind. Rejects while Redis is
   * away, which has to be asked for the ends of the streams.
   */
  async self(): Promise<NodeStatus> {
    return this.forServer({}).self();
  }

  /** The node of this process, as far as Redis need not be asked. */
  snapshot(): NodeSnapshot {
    return this.forServer({}).snapshot();
  }

  /**
   * The same for the gateways with a port or a path of their own, which are a cluster of their own.
   *
   * @param server the port and the path in the decorator of the gateway. Default: those of the gateways that set none.
   * @throws if there is no such server in this process.
   */
  forServer(server: Partial<SocketServerAddress>): ClusterView {
    const { mainAddress, all } = this.#servers;
    const { port, path } = serverAddress(server.port ?? 0, server.path ?? mainAddress.path);
    const managed = all.find(({ address }) => address.port === port && address.path === path);
    if (managed === undefined) {
      const known = all.map(({ address }) => describeServer(address)).join('; ') || 'none';
      throw new Error(
        `This process has no Socket.IO server on ${describeServer({ port, path })}, and so no cluster to tell of. Make sure that it has ` +
          `such a gateway, and that the application has been initialised. Servers there are: ${known}.`,
      );
    }
    return managed.adapter.cluster(managed.server);
  }
}
