import type { EventEmitter } from 'node:events';
import type { RedisClient, RedisStreamsEvents } from '../adapter/index.js';
import type { SocketServers } from './socket-servers.js';

/** Emits what happens to this node and its cluster; see {@link RedisStreamsEvents}. */
export type RedisStreamsEventEmitter = Pick<EventEmitter<RedisStreamsEvents>, 'on' | 'once' | 'off'>;

/**
 * One instance of the module, for the application to inject.
 *
 * ```ts
 * constructor(redisStreams: RedisStreams) {
 *   redisStreams.events.on('gap', ({ missed }) => this.reload(missed));
 * }
 * ```
 */
export class RedisStreams {
  /** What happens to this node and its cluster, on any Socket.IO server of the application. */
  readonly events: RedisStreamsEventEmitter;

  constructor(
    /** The client given in the options, or the one that the module made and will close. */
    readonly client: RedisClient,
    private readonly servers: SocketServers,
  ) {
    this.events = servers.events;
  }
}
