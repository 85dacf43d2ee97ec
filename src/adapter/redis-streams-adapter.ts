import { Adapter, MessageType, type BroadcastOptions, type Session } from 'socket.io-adapter';
import { takeCount, takeSockets } from './cluster/answers.js';
import { Questions, type ServerSideAck } from './cluster/questions.js';
import { Responder } from './cluster/responder.js';
import type { ClusterNode } from './cluster-node.js';
import { Delivery } from './delivery.js';
import { keepWhileConnecting } from './keep-namespace.js';
import { Recovery } from './sessions/recovery.js';
import type { NamespaceLike, Packet } from './socket-io.js';
import type { Settled } from './stream/outbox.js';
import { decodeMessage, encodeBroadcast, encodeMessage } from './wire/entry-codec.js';
import { wireOptions, type EncodedMessage, type StreamMessage } from './wire/message.js';
import { Payload } from './wire/payload.js';
import { parseData } from './wire/validate.js';

type SessionToPersist = Parameters<Adapter['persistSession']>[0];

/**
 * The adapter of one namespace.
 *
 * Without connection state recovery, local sockets are served at once and the other nodes through the stream. An operation is published
 * first, so that what a listener does on account of it comes behind it everywhere, and what it throws keeps nothing from the others.
 * With recovery, everything is applied when it is read back from the stream, by the node that published it as by every other, so that
 * all clients see one order.
 */
export class RedisStreamsAdapter extends Adapter {
  /** The namespace. */
  declare readonly nsp: NamespaceLike;
  readonly #node: ClusterNode;
  readonly #delivery: Delivery;
  readonly #recovery: Recovery | undefined;
  readonly #questions: Questions;
  readonly #responder: Responder;
  #closed: Promise<void> | undefined;

  /** @internal */
  constructor(nsp: NamespaceLike, node: ClusterNode) {
    super(nsp);
    this.#node = node;
    if (node.recovers) {
      this.#recovery = new Recovery(
        {
          nsp,
          sids: this.sids,
          addAll: (sid, rooms) => void super.addAll(sid, rooms),
          delAll: (sid) => super.delAll(sid),
          write: (socket, packet) => this.#delivery.writeMissed(socket, packet),
        },
        node,
      );
    }
    this.#delivery = new Delivery(this, this.#recovery);
    const publish = (message: EncodedMessage, rooms: readonly string[]): void => this.#publish(message, rooms);
    this.#questions = new Questions(nsp.name, node, this.#delivery, publish);
    this.#responder = new Responder(nsp, node, this.#delivery, {
      disconnect: (opts, close) => super.disconnectSockets(opts, close),
    });
    keepWhileConnecting(nsp);
    // not in init(), which socket.io calls from 4.8.2 on only
    node.attach(this);
    void this.ready().catch(() => undefined);
  }

  /** This node, as the others know it. */
  get uid(): string {
    return this.#node.uid;
  }

  /** Whether the namespace was made from a pattern or a function. */
  get dynamic(): boolean {
    for (const { children } of this.nsp.server.parentNsps.values()) if (children.has(this.nsp)) return true;
    return false;
  }

  override init(): Promise<void> {
    return this.ready();
  }

  /**
   * Resolves when this node is in the cluster: its place in the stream is known and the other nodes know of it.
   *
   * @throws {RedisUnavailableError} when Redis cannot be reached within `readyTimeout`.
   */
  ready(): Promise<void> {
    return this.#node.ready();
  }

  /** Leaves the cluster, once the last namespace of the Server is closed and everything is saved. */
  override close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#closed = this.#node.detach(this);
      this.#questions.end();
    }
    return this.#closed;
  }

  override serverCount(): Promise<number> {
    const { size } = this.#node.membership;
    return this.#node.foreign.count(this.nsp.name).then((foreign) => size + foreign);
  }

  override broadcast(packet: Packet, opts: BroadcastOptions): void {
    if (opts.flags?.local) return this.#delivery.deliverLocally(Payload.of(packet.data), opts);
    const { onlyPlaintext } = this.#node.options;
    const wire = wireOptions(opts);
    // socket.emit() with an acknowledgement: it comes here where sessions are recovered
    if (packet.id !== undefined) wire.flags = { ...wire.flags, ackId: packet.id };
    const message = encodeBroadcast(packet.data, wire, undefined, onlyPlaintext);
    this.#publish(message, wire.rooms);
    if (!this.#recovery) this.#delivery.deliverLocally(message.payload, opts);
  }

  override broadcastWithAck(
    packet: Packet,
    opts: BroadcastOptions,
    clientCountCallback: (clientCount: number) => void,
    ack: (...args: unknown[]) => void,
  ): void {
    const timeout = opts.flags?.timeout;
    if (opts.flags?.local) {
      this.#delivery.deliverWithAck(Payload.of(packet.data), opts, timeout, clientCountCallback, ack);
      return;
    }
    this.#questions.broadcast(packet, opts, clientCountCallback, ack);
  }

  override addSockets(opts: BroadcastOptions, rooms: string[]): void {
    if (opts.flags?.local) return this.#delivery.join(opts, rooms);
    const wire = wireOptions(opts);
    this.#publish(encodeMessage({ type: MessageType.SOCKETS_JOIN, data: { opts: wire, rooms } }), wire.rooms);
    if (!this.#recovery) this.#delivery.join(opts, rooms);
  }

  override delSockets(opts: BroadcastOptions, rooms: string[]): void {
    if (opts.flags?.local) return this.#delivery.leave(opts, rooms);
    const wire = wireOptions(opts);
    this.#publish(encodeMessage({ type: MessageType.SOCKETS_LEAVE, data: { opts: wire, rooms } }), wire.rooms);
    if (!this.#recovery) this.#delivery.leave(opts, rooms);
  }

  override disconnectSockets(opts: BroadcastOptions, close: boolean): void {
    if (opts.flags?.local) return super.disconnectSockets(opts, close);
    const wire = wireOptions(opts);
    this.#publish(encodeMessage({ type: MessageType.DISCONNECT_SOCKETS, data: { opts: wire, close } }), wire.rooms);
    if (!this.#recovery) super.disconnectSockets(opts, close);
  }

  override async fetchSockets(opts: BroadcastOptions): Promise<unknown[]> {
    if (opts.flags?.local) return super.fetchSockets(opts);
    return this.#questions.sockets({
      name: 'fetchSockets()',
      opts: wireOptions(opts),
      own: () => super.fetchSockets(opts),
      take: takeSockets,
    });
  }

  /**
   * How many sockets there are on each node, in the rooms of `opts` if it has any.
   *
   * @internal
   */
  async countSockets(opts: BroadcastOptions): Promise<number[]> {
    const { rooms, except, flags } = wireOptions(opts);
    return this.#questions.sockets({
      name: 'The count of sockets',
      opts: { rooms, except, flags: { ...flags, countOnly: true } },
      own: async () => [(await super.fetchSockets(opts)).length],
      take: takeCount,
    });
  }

  override serverSideEmit(packet: unknown[]): void {
    const last = packet.at(-1);
    if (typeof last !== 'function') {
      this.#publish(encodeMessage({ type: MessageType.SERVER_SIDE_EMIT, data: { packet } }), []);
      return;
    }
    this.#questions.serverSideEmit(packet.slice(0, -1), last as ServerSideAck);
  }

  override persistSession(session: SessionToPersist): void {
    this.#recovery?.persist(session);
  }

  override restoreSession(pid: string, offset: string): Promise<Session> {
    const session = this.#recovery?.restore(pid, offset) ?? Promise.resolve(null);
    // Socket.IO takes the absence of a session for a fresh connection; its types do not say so
    return session as Promise<Session>;
  }

  override addAll(id: string, rooms: Set<string>): void {
    void super.addAll(id, rooms);
    const socket = this.nsp.sockets.get(id);
    if (socket && rooms.has(id)) {
      this.#node.writeBatching.use(socket.conn);
      this.#recovery?.connecting(socket);
    } else if (socket && this.#node.options.sessions === 'crash-safe') {
      this.#recovery?.keep(socket);
    }
  }

  override del(id: string, room: string): void {
    void super.del(id, room);
    const socket = this.nsp.sockets.get(id);
    if (socket && this.#node.options.sessions === 'crash-safe') this.#recovery?.keep(socket);
  }

  override delAll(id: string): void {
    super.delAll(id);
    this.#recovery?.gone(id);
  }

  /** @internal */
  get recovery(): Recovery | undefined {
    return this.#recovery;
  }

  /** @internal Applies a message of the stream; returns how many sockets it was written to. Throws when it is malformed. */
  onMessage(message: StreamMessage): number | undefined {
    const { own, messageType, requestId, uid } = message;
    if (own && !this.#recovery) return undefined;
    if (messageType === Number(MessageType.BROADCAST) && requestId === undefined) {
      return this.#delivery.deliver(message);
    }
    if (own && requestId !== undefined) {
      this.#questions.readBack(requestId);
      return undefined;
    }
    const decoded = decodeMessage(message);
    // never fires where it was emitted
    if (own && decoded.type === MessageType.SERVER_SIDE_EMIT) return undefined;
    this.#responder.apply(decoded, { uid, namespace: this.nsp.name, foreign: requestId === undefined });
    return undefined;
  }

  /** @internal Applies a request that a node of the peer package has sent over a channel. */
  onForeignRequest(uid: string, type: number, data: unknown): void {
    this.#responder.apply(parseData(type, data), { uid, namespace: this.nsp.name, foreign: true });
  }

  /** What becomes of a message is counted and told by the outbox; Socket.IO has no one to tell it to. */
  #publish(message: EncodedMessage, rooms: readonly string[]): void {
    const { log, requests } = this.#node;
    const { requestId } = message;
    const failed = (id: string, error: Error): void => {
      this.#questions.notPublished(id);
      // who waits for answers is told that nobody was asked
      requests.fail(id, error);
    };
    const onSettled: Settled | undefined =
      requestId === undefined ? undefined : (error) => error && failed(requestId, error);
    log.publish(this.nsp.name, message, rooms, onSettled);
  }
}
