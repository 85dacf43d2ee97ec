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
import { decodeEntry, optionsOf } from './wire/entry-codec.js';
import type { StreamEntry, WireOptions } from './wire/message.js';

/** What is used of the in-memory adapter beyond its public types. */
interface InMemoryAdapter extends Pick<Adapter, 'rooms' | 'sids' | 'addAll' | 'del'> {
  readonly nsp: NamespaceLike;
  /** Encodes a packet once for all its receivers. */
  _encode(packet: Packet, options: PacketWriteOptions): unknown;
}

/** Brings packets and operations to the local sockets of a namespace. */
export class Delivery {
  readonly #adapter: InMemoryAdapter;

  constructor(
    adapter: Adapter,
    private readonly recovery: Recovery | undefined,
  ) {
    this.#adapter = adapter as unknown as InMemoryAdapter;
  }

  /** Delivers a broadcast that was read from the stream, and returns how many sockets it was written to. */
  deliverEntry(entry: StreamEntry): number {
    const opts = optionsOf(entry);
    const targets = this.#targets(opts.rooms, opts.except);
    if (targets.length === 0) return 0;
    const message = decodeEntry(entry);
    const packet = (message.data as { packet: Packet }).packet;
    const { volatile = false, compress } = opts.flags;
    if (!this.recovery) return this.#write(packet, targets, opts);
    if (volatile) return this.#write(withoutOffset(packet), targets, opts);
    packet.data.push(entry.id);
    const connected = targets.filter((sid) => !this.recovery!.hold(sid, { id: entry.id, data: packet.data, compress }));
    const written = this.#write(packet, connected, opts);
    for (const sid of connected) this.recovery.written(sid, entry.id);
    return written;
  }

  /** Delivers a packet that does not go through the stream. */
  deliverLocally(packet: Packet, opts: BroadcastOptions): void {
    const { type, data } = packet;
    const own = this.recovery ? withoutOffset(packet) : { type, data };
    this.#write(own, this.#targets(opts.rooms, opts.except ?? []), { flags: opts.flags ?? {} });
  }

  /** Delivers a packet that is to be acknowledged. What is still unanswered after `timeout` ms is forgotten. */
  deliverWithAck(
    packet: Packet,
    opts: BroadcastOptions,
    timeout: number | undefined,
    onCount: (clients: number) => void,
    onAck: (...args: unknown[]) => void,
  ): void {
    const { nsp } = this.#adapter;
    const { type, data } = packet;
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
    this.#write({ type, data, id }, sids, { flags: opts.flags ?? {} });
    onCount(count);
  }

  /** Writes a packet that a client missed. */
  write(socket: SocketLike, missed: MissedPacket): void {
    const packet: Packet = { type: EVENT_PACKET, data: missed.data, nsp: this.#adapter.nsp.name };
    const options: PacketWriteOptions = { preEncoded: true, volatile: undefined, compress: missed.compress };
    const encoded = this.#adapter._encode(packet, options);
    socket.notifyOutgoingListeners(packet);
    socket.client.writeToEngine(encoded, options);
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

  #write(packet: Packet, sids: readonly string[], { flags }: Pick<WireOptions, 'flags'>): number {
    const { nsp } = this.#adapter;
    if (sids.length === 0) return 0;
    packet.nsp = nsp.name;
    const options: PacketWriteOptions = { preEncoded: true, volatile: flags.volatile, compress: flags.compress };
    const encoded = this.#adapter._encode(packet, options);
    let written = 0;
    for (const sid of sids) {
      const socket = nsp.sockets.get(sid);
      if (!socket) continue;
      socket.notifyOutgoingListeners(packet);
      socket.client.writeToEngine(encoded, options);
      written++;
    }
    return written;
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

/**
 * A packet that is never sent again carries no offset. A client takes any string in its last argument for one, though, and would
 * come back with it: such a packet gets one more argument, `null`.
 */
function withoutOffset({ type, data }: Packet): Packet {
  return { type, data: typeof data.at(-1) === 'string' && data.length > 1 ? [...data, null] : data };
}
