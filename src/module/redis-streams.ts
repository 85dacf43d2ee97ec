import type { createClient } from 'redis';
import type { EventSubscriptions, NodeSnapshot, RedisClient, RedisStreamsEvents } from '../adapter/index.js';
import type { RedisStreamsCluster } from './redis-streams-cluster.js';
import type { RedisStreamsEmitter } from './redis-streams-emitter.js';
import type { SocketServers } from './socket-servers.js';

/**
 * One instance of the module, for the application to inject.
 *
 * ```ts
 * constructor(redisStreams: RedisStreams) {
 *   redisStreams.events.on('gap', ({ missed }) => this.reload(missed));
 * }
 * ```
 *
 * @typeParam Client type of the client that the options give. Default: that of the client which the module makes.
 */
export class RedisStreams<Client extends RedisClient = ReturnType<typeof createClient>> {
  readonly #servers: SocketServers;

  /** @internal */
  constructor(
    servers: SocketServers,
    /** Emits to the clients of all nodes. */
    readonly emitter: RedisStreamsEmitter,
    /** Tells of the cluster. */
    readonly cluster: RedisStreamsCluster,
  ) {
    this.#servers = servers;
  }

  /** The client given in the options, or the one that the module made and will close. */
  get client(): Client {
    return this.#servers.client as Client;
  }

  /** What happens to this node and its cluster, on any Socket.IO server of the application, and to its emitters. */
  get events(): EventSubscriptions<RedisStreamsEvents> {
    return this.#servers.events;
  }

  /** The state of each Socket.IO server of the application at this moment. */
  snapshot(): NodeSnapshot[] {
    return this.#servers.all.flatMap(({ adapter }) => adapter.snapshot());
  }
}
