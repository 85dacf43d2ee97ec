import type { Adapter, BroadcastOptions } from 'socket.io-adapter';
import type { MissedPacket } from './sessions/missed-packets.js';
import type { Recovery } from './sessions/recovery.js';
import {
  EVENT_PACKET,
  type NamespaceLike,
  type Packet,
  type PacketWriteOptions,
  type SocketLike,
} from './socket-io.js';
import { optionsOf, payloadOf } from './wire/entry-codec.js';
import type { StreamMessage, WireFlags } from './wire/message.js';
import type { Payload } from './wire/payload.js';

/** What is used of the in-memory adapter beyond its public types. */
interface InMemoryAdapter extends Pick<Adapter, 'rooms' | 'sids' | 'addAll' | 'del'> {
  readonly nsp: NamespaceLike;
  readonly encoder: { encode(packet: Packet): unknown[]; replacer?: unknown };
  /** Encodes a packet once for all its receivers. */
  _encode(packet: Packet, options: PacketWriteOptions): unknown;
}

/** Brings packets and operations to the local sockets of a namespace. */
export class Delivery {
  readonly #adapter: InMemoryAdapter;
  /** Packets that were missed, encoded: when a node fails, all of its clients have missed the same ones. */
  readonly #frames = new WeakMap<Payload, { encoded: unknown; options: PacketWriteOptions }>();
  /** What the text of an event begins with, where JSON goes out as it is: with the parser that Socket.IO comes with. */
  readonly #textPrefix: string | undefined;

  constructor(
    adapter: Adapter,
    private readonly recovery: Recovery | undefined,
  ) {
    this.#adapter = adapter as unknown as InMemoryAdapter;
    this.#textPrefix = textPrefix(this.#adapter);
  }

  /** Delivers a broadcast that was read from the stream, and returns how many sockets it was written to. */
  deliver(message: StreamMessage): number {
    const opts = optionsOf(message);
    const { ackId } = opts.flags;
    if (ackId !== undefined && !message.own) return 0;
    const targets = this.#targets(opts.rooms, opts.except);
    if (targets.length === 0) return 0;
    const payload = payloadOf(message);
    const { flags } = opts;
    if (!this.recovery) return this.#write(payload, targets, flags);
    if (ackId !== undefined) return this.#write(payload, targets, flags, ackId);
    if (flags.volatile === true) return this.#write(payload.withoutOffset(), targets, flags);
    const offset = this.recovery.offsetOf(message);
    const missed = { offset, payload: payload.withOffset(offset), compress: flags.compress };
    const connected = targets.filter((sid) => !this.recovery!.hold(sid, missed, message.data.length));
    try {
      return this.#write(missed.payload, connected, flags);
    } finally {
      for (const sid of connected) this.recovery.written(sid, offset);
    }
  }

  /** Delivers a packet that does not go through the stream, or not only. */
  deliverLocally(payload: Payload, opts: BroadcastOptions): void {
    const targets = this.#targets(opts.rooms, opts.except ?? []);
    this.#write(this.recovery ? payload.withoutOffset() : payload, targets, opts.flags ?? {});
  }

  /** The sockets that are connected, of those that `opts` are about. */
  sockets(opts: BroadcastOptions): SocketLike[] {
    const { sockets } = this.#adapter.nsp;
    return this.#targets(opts.rooms, opts.except ?? []).flatMap((sid) => sockets.get(sid) ?? []);
  }

  /** Delivers a packet that is to be acknowledged. What is still unanswered after `timeout` ms is forgotten. */
  deliverWithAck(
    payload: Payload,
    opts: BroadcastOptions,
    timeout: number | undefined,
    onCount: (clients: number) => void,
    onAck: (...args: unknown[]) => void,
  ): void {
    const { nsp } = this.#adapter;
    const id = nsp._ids++;
    const waiting = new Set<SocketLike>();
    const sids = this.#targets(opts.rooms, opts.except ?? []);
    for (const sid of sids) {
      const socket = nsp.sockets.get(sid);
      if (!socket) continue;
      waiting.add(socket);
      socket.acks.set(id, (...args) => {
        waiting.delete(socket);
        if (waiting.size === 0) clearTimeout(timer);
        onAck(...args);
      });
    }
    const timer = setTimeout(() => {
      for (const socket of waiting) socket.acks.delete(id);
    }, timeout ?? 0);
    timer.unref();
    if (waiting.size === 0) clearTimeout(timer);
    const count = waiting.size;
    try {
      this.#write(payload, sids, opts.flags ?? {}, id);
    } finally {
      // what a listener throws keeps nobody from answering
      onCount(count);
    }
  }

  /** Writes a packet that a client missed. */
  writeMissed(socket: SocketLike, { payload, compress }: MissedPacket): void {
    let frame = this.#frames.get(payload);
    if (frame === undefined) {
      const options: PacketWriteOptions = { preEncoded: true, volatile: undefined, compress };
      frame = { encoded: this.#encode(payload, options, undefined), options };
      this.#frames.set(payload, frame);
    }
    this.#notify(socket, payload, undefined);
    socket.client.writeToEngine(frame.encoded, frame.options);
  }

  /** Makes sockets join rooms; one that is being restored, too. */
  join(opts: BroadcastOptions, rooms: readonly string[]): void {
    for (const sid of this.#targets(opts.rooms, opts.except ?? [])) {
      const socket = this.#adapter.nsp.sockets.get(sid);
      if (socket) socket.join([...rooms]);
      else void this.#adapter.addAll(sid, new Set(rooms));
    }
  }

  /** Makes sockets leave rooms; one that is being restored, too. */
  leave(opts: BroadcastOptions, rooms: readonly string[]): void {
    for (const sid of this.#targets(opts.rooms, opts.except ?? [])) {
      const socket = this.#adapter.nsp.sockets.get(sid);
      for (const room of rooms) {
        if (socket) socket.leave(room);
        else void this.#adapter.del(sid, room);
      }
    }
  }

  /** What a listener throws is thrown on once every socket has the packet. */
  #write(payload: Payload, sids: readonly string[], flags: WireFlags, id?: number): number {
    const { nsp } = this.#adapter;
    const options: PacketWriteOptions = { preEncoded: true, volatile: flags.volatile, compress: flags.compress };
    let encoded: unknown;
    let written = 0;
    let failure: { error: unknown } | undefined;
    for (const sid of sids) {
      const socket = nsp.sockets.get(sid);
      if (!socket) continue;
      encoded ??= this.#encode(payload, options, id);
      try {
        this.#notify(socket, payload, id);
      } catch (error) {
        failure ??= { error };
      }
      socket.client.writeToEngine(encoded, options);
      written++;
    }
    if (failure) throw failure.error;
    return written;
  }

  #notify(socket: SocketLike, payload: Payload, id: number | undefined): void {
    if (socket._anyOutgoingListeners?.length) socket.notifyOutgoingListeners(this.#packet(payload, id));
  }

  /** Where the arguments are there as JSON, the frame is made from it. */
  #encode(payload: Payload, options: PacketWriteOptions, id: number | undefined): unknown {
    const { _encode: encode } = this.#adapter;
    if (this.#textPrefix === undefined || payload.json === undefined) {
      return encode.call(this.#adapter, this.#packet(payload, id), options);
    }
    const text = this.#textPrefix + (id ?? '') + payload.json;
    const encoder = { encode: () => [text] };
    return encode.call({ encoder } as unknown as InMemoryAdapter, NO_PACKET, options);
  }

  #packet(payload: Payload, id: number | undefined): Packet {
    const packet: Packet = { type: EVENT_PACKET, data: payload.args, nsp: this.#adapter.nsp.name };
    if (id !== undefined) packet.id = id;
    return packet;
  }

  /** The sockets in one of the rooms (all of them, when none is given) and in none of those excepted. */
  #targets(rooms: Iterable<string>, except: Iterable<string>): string[] {
    const { rooms: members, sids } = this.#adapter;
    const excluded = new Set<string>();
    for (const room of except) for (const sid of members.get(room) ?? []) excluded.add(sid);
    const targets = new Set<string>();
    let everyone = true;
    for (const room of rooms) {
      everyone = false;
      for (const sid of members.get(room) ?? []) if (!excluded.has(sid)) targets.add(sid);
    }
    if (everyone) for (const sid of sids.keys()) if (!excluded.has(sid)) targets.add(sid);
    return [...targets];
  }
}

const NO_PACKET: Packet = { type: EVENT_PACKET, data: [] };

/** See https://socket.io/docs/v4/socket-io-protocol/#packet-encoding */
function textPrefix({ nsp, encoder }: InMemoryAdapter): string | undefined {
  if (encoder.replacer !== undefined) return undefined;
  const prefix = nsp.name === '/' ? '2' : `2${nsp.name},`;
  const sample = ['event', { ['key']: null }];
  const encoded = encoder.encode({ type: EVENT_PACKET, data: sample, nsp: nsp.name });
  return encoded.length === 1 && encoded[0] === prefix + JSON.stringify(sample) ? prefix : undefined;
}
