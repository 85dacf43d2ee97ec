import { MessageType } from 'socket.io-adapter';
import { encodeBroadcast, encodeMessage } from '../wire/entry-codec.js';
import type { WireFlags, WireOptions } from '../wire/message.js';
import { RESERVED_EVENTS } from '../wire/validate.js';
import type { EmitterLink } from './emitter-link.js';
import type { AnyEvents, EventArguments, EventName } from './typed-events.js';

/**
 * Emits to the sockets of a namespace, on every node: all of them, or those in the rooms that were chosen.
 *
 * Each operation resolves with its position once it is in the Redis stream, from where every node takes it, in the order of the
 * calls. While Redis is away, operations wait in the outbox, and so do their promises. A promise that nobody waits for may be rejected
 * without harm.
 *
 * @typeParam Events the events that clients listen to, as in `Server<…>`. Default: any.
 */
export class BroadcastEmitter<Events extends object = AnyEvents> {
  /** @internal */
  constructor(
    /** @internal */
    protected readonly link: EmitterLink,
    /** @internal */
    protected readonly namespace: string,
    private readonly options: WireOptions = { rooms: [], except: [], flags: {} },
  ) {}

  /** Only sockets in the room, or in one of the rooms, and in those chosen before. */
  to(rooms: string | readonly string[]): BroadcastEmitter<Events> {
    return this.#with({ rooms: union(this.options.rooms, rooms) });
  }

  /** The same as {@link to}. */
  in(rooms: string | readonly string[]): BroadcastEmitter<Events> {
    return this.to(rooms);
  }

  /** No socket in the room, or in one of the rooms. */
  except(rooms: string | readonly string[]): BroadcastEmitter<Events> {
    return this.#with({ except: union(this.options.except, rooms) });
  }

  /** What is emitted may be lost: a client that is not ready to receive it, or is away, does not get it later. */
  get volatile(): BroadcastEmitter<Events> {
    return this.#withFlags({ volatile: true });
  }

  /** Whether what is emitted is compressed for the clients. Default: as the servers are set up. */
  compress(compress: boolean): BroadcastEmitter<Events> {
    return this.#withFlags({ compress });
  }

  /**
   * Emits an event to the clients. An emitter receives nothing, so there is no acknowledgement.
   *
   * @returns its position in the stream: the id of its entry, and, where others follow in it, a dot and its index.
   * @throws {SerializationError} at once, as `Server.emit()` does, when the arguments hold a BigInt or a cycle.
   * @throws {MessageTooLargeError} when Redis takes none as large.
   * @throws {OutboxFullError} when Redis has been away for too long, or is too slow.
   * @throws {AdapterClosedError} when the emitter was closed before the message could be written.
   */
  emit<Event extends EventName<Events>>(event: Event, ...args: EventArguments<Events, Event>): Promise<string> {
    refuseReserved(event, RESERVED_EVENTS);
    refuseAcknowledgement(args);
    const message = encodeBroadcast([event, ...args], this.options, undefined, this.link.onlyPlaintext);
    return this.link.publish(this.namespace, message, this.options.rooms);
  }

  /** Makes the sockets join the room or rooms. Resolves and rejects as {@link emit} does. */
  socketsJoin(rooms: string | readonly string[]): Promise<string> {
    return this.#publish({ type: MessageType.SOCKETS_JOIN, data: { opts: this.options, rooms: union([], rooms) } });
  }

  /** Makes the sockets leave the room or rooms. Resolves and rejects as {@link emit} does. */
  socketsLeave(rooms: string | readonly string[]): Promise<string> {
    return this.#publish({ type: MessageType.SOCKETS_LEAVE, data: { opts: this.options, rooms: union([], rooms) } });
  }

  /**
   * Disconnects the sockets. Resolves and rejects as {@link emit} does.
   *
   * @param close whether to close the connections, and with them the sockets that they have in other namespaces. Default `false`.
   */
  disconnectSockets(close = false): Promise<string> {
    return this.#publish({ type: MessageType.DISCONNECT_SOCKETS, data: { opts: this.options, close } });
  }

  #publish(message: Parameters<typeof encodeMessage>[0]): Promise<string> {
    return this.link.publish(this.namespace, encodeMessage(message), this.options.rooms);
  }

  #withFlags(flags: WireFlags): BroadcastEmitter<Events> {
    return this.#with({ flags: { ...this.options.flags, ...flags } });
  }

  #with(options: Partial<WireOptions>): BroadcastEmitter<Events> {
    return new BroadcastEmitter(this.link, this.namespace, { ...this.options, ...options });
  }
}

/** @throws {TypeError} for an event that Socket.IO raises itself. */
export function refuseReserved(event: string, reserved: ReadonlySet<unknown>): void {
  if (!reserved.has(event)) return;
  throw new TypeError(`Cannot emit '${event}': Socket.IO reserves the name for itself. Make sure to use another one.`);
}

/** @throws {TypeError} when the last argument is a function. */
export function refuseAcknowledgement(args: readonly unknown[]): void {
  if (typeof args.at(-1) !== 'function') return;
  throw new TypeError(
    'An emitter cannot be given an acknowledgement: it receives nothing. Make sure to emit from a process with a Socket.IO server, or ' +
      'have the answer sent as an event.',
  );
}

function union(before: readonly string[], more: string | readonly string[]): string[] {
  return [...new Set([...before, ...(typeof more === 'string' ? [more] : more)])];
}
