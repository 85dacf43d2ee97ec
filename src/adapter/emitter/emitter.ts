import { MessageType } from 'socket.io-adapter';
import type { EventSubscriptions, RedisStreamsEvents } from '../events.js';
import type { RedisStreamsAdapterOptions } from '../options.js';
import { createDriver, type RedisClient } from '../redis/create-driver.js';
import { resolveOptions } from '../resolve-options.js';
import { withScope } from '../scope.js';
import { encodeMessage } from '../wire/entry-codec.js';
import { RESERVED_SERVER_EVENTS } from '../wire/validate.js';
import { BroadcastEmitter, refuseAcknowledgement, refuseReserved } from './broadcast-emitter.js';
import { EmitterLink, type EmitterSnapshot } from './emitter-link.js';
import type { AnyEvents, EventArguments, EventName } from './typed-events.js';

/** Options of {@link createEmitter}: those of the adapter that concern what is published. Names, streams, retention, `scope` and `interop` must be those of the nodes. */
export type EmitterOptions = Pick<
  RedisStreamsAdapterOptions,
  | 'keyPrefix'
  | 'streamName'
  | 'streamCount'
  | 'streamBy'
  | 'maxLen'
  | 'maxAge'
  | 'onlyPlaintext'
  | 'scope'
  | 'interop'
  | 'readyTimeout'
  | 'shutdownTimeout'
  | 'outboxMaxLen'
  | 'outboxMaxBytes'
  | 'telemetry'
>;

/** What happens to an emitter; see {@link RedisStreamsEvents}. */
export type EmitterEvents = Pick<
  RedisStreamsEvents,
  'outboxOverflow' | 'connectionLost' | 'connectionReady' | 'commandRefused' | 'messageDropped'
>;

/**
 * Emits to a namespace.
 *
 * @typeParam Events the events that clients listen to, as in `Server<…>`. Default: any.
 * @typeParam ServerSideEvents the events of `serverSideEmit()`, as in `Server<…>`. Default: any.
 */
export class NamespaceEmitter<
  Events extends object = AnyEvents,
  ServerSideEvents extends object = AnyEvents,
> extends BroadcastEmitter<Events> {
  /**
   * Emits an event to every node, where it is raised on the namespace. Resolves and rejects as {@link emit} does.
   *
   * @throws {SerializationError} at once, when the arguments hold a BigInt, a cycle or a function.
   */
  serverSideEmit<Event extends EventName<ServerSideEvents>>(
    event: Event,
    ...args: EventArguments<ServerSideEvents, Event>
  ): Promise<string> {
    refuseReserved(event, RESERVED_SERVER_EVENTS);
    refuseAcknowledgement(args);
    const message = encodeMessage({ type: MessageType.SERVER_SIDE_EMIT, data: { packet: [event, ...args] } });
    return this.link.publish(this.namespace, message, []);
  }
}

/** Emits to the clients of all nodes from a process that has no Socket.IO server. It is not counted as a node. */
export class Emitter<
  Events extends object = AnyEvents,
  ServerSideEvents extends object = AnyEvents,
> extends NamespaceEmitter<Events, ServerSideEvents> {
  /**
   * @internal
   * @param client see {@link createEmitter}.
   */
  constructor(client: RedisClient, options: EmitterOptions = {}) {
    const resolved = resolveOptions(options);
    super(new EmitterLink(createDriver(client, resolved), withScope(resolved, resolved.scope ?? '')), '/');
  }

  /** Emits to another namespace than `/`. */
  of<E extends object = Events, S extends object = ServerSideEvents>(namespace: string): NamespaceEmitter<E, S> {
    return new NamespaceEmitter(this.link, namespace.startsWith('/') ? namespace : `/${namespace}`);
  }

  /** What happens to the connection and the outbox. */
  get events(): EventSubscriptions<EmitterEvents> {
    return this.link.events as EventSubscriptions<RedisStreamsEvents>;
  }

  /** The state of the connection and of the outbox; `undefined` before the emitter is used. */
  snapshot(): EmitterSnapshot | undefined {
    return this.link.snapshot();
  }

  /**
   * Resolves when Redis is reached. There is no need to wait for it: what is emitted before waits in the outbox.
   *
   * @throws {RedisUnavailableError} when Redis cannot be reached within `readyTimeout`.
   */
  ready(): Promise<void> {
    return this.link.ready();
  }

  /** Writes what still waits in the outbox, for `shutdownTimeout` at most, and lets Redis go. */
  close(): Promise<void> {
    return this.link.close();
  }
}

/**
 * Makes an emitter for a process that has no Socket.IO server.
 *
 * ```ts
 * const emitter = createEmitter(createClient({ url: 'redis://localhost:6379' }));
 * await emitter.to('room').emit('hello', 'world');
 * await emitter.close();
 * ```
 *
 * @param client a client of the package `redis` or `ioredis`, connected or not. A connection of the package's own is made from its
 *   settings when the emitter is first used; the client itself is neither used nor closed.
 * @param options see {@link EmitterOptions}; `scope` is that of the Server to emit to: its path, unless that is `/socket.io`.
 * @throws {InvalidOptionError} naming the option, its value and what is allowed.
 */
export function createEmitter<Events extends object = AnyEvents, ServerSideEvents extends object = AnyEvents>(
  client: RedisClient,
  options: EmitterOptions = {},
): Emitter<Events, ServerSideEvents> {
  return new Emitter(client, options);
}
