import { Adapter, MessageType, type BroadcastOptions, type Session } from 'socket.io-adapter';
import { AckCollector } from './ack-collector.js';
import { describeSockets, takeCount, takeResponse, takeSockets } from './cluster/answers.js';
import type { ClusterNode } from './cluster-node.js';
import { Delivery } from './delivery.js';
import { toError } from './errors.js';
import { Recovery } from './sessions/recovery.js';
import type { NamespaceLike, Packet, SocketLike } from './socket-io.js';
import { decodeEntry, encodeBroadcast, encodeMessage, type EncodedMessage } from './wire/entry-codec.js';
import { pack } from './wire/envelope.js';
import type { ClusterMessage, Sender, StreamEntry, WireOptions } from './wire/message.js';
import { Payload } from './wire/payload.js';
import { parseData } from './wire/validate.js';

/** What all nodes are asked about their sockets. */
interface Question<T> {
  /** What it is called in an error. */
  name: string;
  opts: WireOptions;
  /** The answer of this node itself. */
  own(): Promise<T[]>;
  /** Takes the answer of another node. */
  take(data: unknown, uid: string): readonly T[];
}

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
  /** The local share of requests that are answered when they are read back. */
  readonly #ownShare = new Map<string, () => void>();
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
    this.#closed ??= this.#node.detach(this);
    return this.#closed;
  }

  override serverCount(): Promise<number> {
    const { size } = this.#node.membership;
    return this.#node.foreignNodes(this.nsp.name).then((foreign) => size + foreign);
  }

  override broadcast(packet: Packet, opts: BroadcastOptions): void {
    if (opts.flags?.local) return this.#delivery.deliverLocally(Payload.of(packet.data), opts);
    const { onlyPlaintext } = this.#node.options;
    const wire = wireOptions(opts);
    // socket.emit() with an acknowledgement: it comes here where sessions are recovered
    if (packet.id !== undefined) wire.flags = { ...wire.flags, ackId: packet.id };
    const message = encodeBroadcast(packet.data, wire, undefined, onlyPlaintext);
    this.#publish(message, opts.rooms.size);
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
    const { requests, telemetry, options } = this.#node;
    const requestId = requests.newId();
    const message = encodeBroadcast(packet.data, wireOptions(opts), requestId, options.onlyPlaintext);
    const request = telemetry.request(this.nsp.name, 'broadcast_with_ack');
    const collector = new AckCollector(this.#node.others(), clientCountCallback, ack, {
      telemetry: request,
      timeout: timeout ?? options.requestTimeout,
      foreign: this.#node.foreignNodes(this.nsp.name),
      onEnd: () => {
        requests.close(requestId);
        this.#ownShare.delete(requestId);
      },
    });
    requests.track(requestId, collector);
    const deliver = (): void =>
      this.#delivery.deliverWithAck(
        message.payload,
        opts,
        timeout,
        (count) => collector.localCount(count),
        (...args) => collector.localAck(args),
      );
    if (this.#recovery) this.#ownShare.set(requestId, deliver);
    request.run(() => this.#publish(message, opts.rooms.size));
    if (!this.#recovery) deliver();
  }

  override addSockets(opts: BroadcastOptions, rooms: string[]): void {
    if (opts.flags?.local) return this.#delivery.join(opts, rooms);
    const message = encodeMessage({ type: MessageType.SOCKETS_JOIN, data: { opts: wireOptions(opts), rooms } });
    this.#publish(message, opts.rooms.size);
    if (!this.#recovery) this.#delivery.join(opts, rooms);
  }

  override delSockets(opts: BroadcastOptions, rooms: string[]): void {
    if (opts.flags?.local) return this.#delivery.leave(opts, rooms);
    const message = encodeMessage({ type: MessageType.SOCKETS_LEAVE, data: { opts: wireOptions(opts), rooms } });
    this.#publish(message, opts.rooms.size);
    if (!this.#recovery) this.#delivery.leave(opts, rooms);
  }

  override disconnectSockets(opts: BroadcastOptions, close: boolean): void {
    if (opts.flags?.local) return super.disconnectSockets(opts, close);
    const message = encodeMessage({ type: MessageType.DISCONNECT_SOCKETS, data: { opts: wireOptions(opts), close } });
    this.#publish(message, opts.rooms.size);
    if (!this.#recovery) super.disconnectSockets(opts, close);
  }

  override async fetchSockets(opts: BroadcastOptions): Promise<unknown[]> {
    if (opts.flags?.local) return super.fetchSockets(opts);
    return this.#gather({
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
    return this.#gather({
      name: 'The count of sockets',
      opts: { rooms, except, flags: { ...flags, countOnly: true } },
      own: async () => [(await super.fetchSockets(opts)).length],
      take: takeCount,
    });
  }

  override serverSideEmit(packet: unknown[]): void {
    const last = packet.at(-1);
    if (typeof last !== 'function') {
      this.#publish(encodeMessage({ type: MessageType.SERVER_SIDE_EMIT, data: { packet } }), 0);
      return;
    }
    const ack = last as (error: Error | null, responses: unknown[]) => void;
    const { requests, telemetry, options } = this.#node;
    const requestId = requests.newId();
    const encoded = encodeMessage({
      type: MessageType.SERVER_SIDE_EMIT,
      data: { packet: packet.slice(0, -1), requestId },
    });
    const request = telemetry.request(this.nsp.name, 'server_side_emit');
    const answers = requests.collect<unknown>(requestId, {
      name: 'serverSideEmit()',
      nodes: this.#node.others(),
      foreign: this.#node.foreignNodes(this.nsp.name),
      timeout: options.requestTimeout,
      telemetry: request,
      take: (data, from) => takeResponse(data, from),
    });
    request.run(() => this.#publish(encoded, 0));
    answers.then(
      (responses) => ack(null, responses),
      (error: Error & { responses?: unknown[] }) => ack(error, error.responses ?? []),
    );
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

  /** @internal Applies an entry of the stream; returns how many sockets it was written to. Throws when it is malformed. */
  onEntry(entry: StreamEntry, own: boolean): number | undefined {
    if (own && !this.#recovery) return undefined;
    if (entry.messageType === Number(MessageType.BROADCAST) && entry.requestId === undefined) {
      return this.#delivery.deliverEntry(entry, own);
    }
    if (own && entry.requestId !== undefined) {
      this.#ownShare.get(entry.requestId)?.();
      return undefined;
    }
    const message = decodeEntry(entry);
    // never fires where it was emitted
    if (own && message.type === MessageType.SERVER_SIDE_EMIT) return undefined;
    const foreign = entry.requestId === undefined;
    this.#apply(message, { uid: entry.uid, namespace: this.nsp.name, foreign });
    return undefined;
  }

  /** @internal Applies a request that a node of the peer package has sent over a channel. */
  onForeignRequest(uid: string, type: number, data: unknown): void {
    this.#apply(parseData(type, data), { uid, namespace: this.nsp.name, foreign: true });
  }

  /** Asks every node about its sockets. */
  async #gather<T>(question: Question<T>): Promise<T[]> {
    const { name, opts, own, take } = question;
    const { requests, telemetry, options, uid } = this.#node;
    const requestId = requests.newId();
    const encoded = encodeMessage({ type: MessageType.FETCH_SOCKETS, data: { opts, requestId } });
    const nodes = this.#node.others();
    const local = this.#recovery ? undefined : own();
    if (this.#recovery) {
      nodes.push(uid);
      this.#ownShare.set(requestId, () => {
        void own().then((answers) => requests.answer(requestId, uid, answers));
      });
    }
    const request = telemetry.request(this.nsp.name, 'fetch_sockets');
    const answers = requests.collect<T>(requestId, {
      name,
      nodes,
      foreign: this.#node.foreignNodes(this.nsp.name),
      timeout: opts.flags.timeout ?? options.requestTimeout,
      telemetry: request,
      take: (data, from) => (from === uid ? (data as T[]) : take(data, from)),
    });
    request.run(() => this.#publish(encoded, opts.rooms.length));
    try {
      const remote = await answers;
      return local ? [...(await local), ...remote] : remote;
    } catch (error) {
      // the partial result holds the local share, too
      if (local && error !== null && typeof error === 'object' && 'responses' in error) {
        (error.responses as unknown[]).unshift(...(await local));
      }
      throw error;
    } finally {
      this.#ownShare.delete(requestId);
    }
  }

  #apply(message: ClusterMessage, sender: Sender): void {
    const { data } = message;
    const opts = 'opts' in data ? broadcastOptions(data.opts) : undefined;
    switch (message.type) {
      case MessageType.SOCKETS_JOIN:
        return this.#delivery.join(opts!, message.data.rooms);
      case MessageType.SOCKETS_LEAVE:
        return this.#delivery.leave(opts!, message.data.rooms);
      case MessageType.DISCONNECT_SOCKETS:
        return super.disconnectSockets(opts!, message.data.close);
      case MessageType.FETCH_SOCKETS:
        return void this.#answerFetch(message.data.opts, message.data.requestId, sender);
      case MessageType.SERVER_SIDE_EMIT:
        return this.#serverSideEvent(message.data.packet, message.data.requestId, sender);
      case MessageType.BROADCAST: {
        const { requestId, packet } = message.data;
        const payload = Payload.of(packet.data);
        if (requestId === undefined) return this.#delivery.deliverLocally(payload, opts!);
        let number = 0;
        this.#delivery.deliverWithAck(
          payload,
          opts!,
          opts!.flags?.timeout,
          (clientCount) => this.#respond(sender, MessageType.BROADCAST_CLIENT_COUNT, { requestId, clientCount }),
          (...args) =>
            this.#respond(sender, MessageType.BROADCAST_ACK, { requestId, packet: args[0], number: ++number }),
        );
      }
    }
  }

  async #answerFetch(opts: WireOptions, requestId: string, sender: Sender): Promise<void> {
    const type = MessageType.FETCH_SOCKETS_RESPONSE;
    const sockets = (await super.fetchSockets(broadcastOptions(opts))) as SocketLike[];
    if (opts.flags.countOnly) return this.#respond(sender, type, { requestId, count: sockets.length });
    try {
      this.#respond(sender, type, { requestId, sockets: describeSockets(sockets, this.#node.options.redactHandshake) });
    } catch (error) {
      this.#respond(sender, type, { requestId, error: `\`redactHandshake\` failed: ${toError(error).message}` });
    }
  }

  #serverSideEvent(packet: unknown[], requestId: string | undefined, sender: Sender): void {
    if (requestId === undefined) return this.nsp._onServerSideEmit(packet);
    let called = false;
    this.nsp._onServerSideEmit([
      ...packet,
      (arg: unknown) => {
        if (called) return;
        called = true;
        this.#respond(sender, MessageType.SERVER_SIDE_EMIT_RESPONSE, { requestId, packet: arg });
      },
    ]);
  }

  /** Sends an answer; when it cannot be serialised, the asking node is told so instead. */
  #respond(sender: Sender, type: MessageType, data: { requestId: string; [key: string]: unknown }): void {
    let answer: object = data;
    try {
      pack(data);
    } catch (error) {
      answer = { requestId: data.requestId, sockets: [], error: (error as Error).message };
    }
    void this.#node.answering.send(sender, type, answer);
  }

  /** What becomes of a message is counted and told by the outbox; Socket.IO has no one to tell it to. */
  #publish(message: EncodedMessage, roomCount: number): void {
    this.#node.log.publish(this.#node.uid, this.nsp.name, message, roomCount);
  }
}

function wireOptions(opts: BroadcastOptions): WireOptions {
  return { rooms: [...opts.rooms], except: [...(opts.except ?? [])], flags: opts.flags ?? {} };
}

function broadcastOptions(opts: WireOptions): BroadcastOptions {
  return { rooms: new Set(opts.rooms), except: new Set(opts.except), flags: opts.flags };
}
