import type { SocketLike } from '../socket-io.js';
import type { MissedPacket } from './missed-packets.js';
import type { RecoveryHost } from './recovery-host.js';

/** A socket whose session is restored, but which is not connected yet. */
export interface HeldSocket {
  pid: string;
  /** Nothing before this position is for its session. */
  since: string;
  /** The offset that its client came back with. */
  offset: string;
  /** Where its missed packets begin. */
  from: string;
  /** What it missed, and what has come in for it meanwhile. */
  packets: MissedPacket[];
}

/** What a packet that is held back takes beyond its data, roughly, in bytes. */
const OVERHEAD = 400;

/** Least that may be held back for a socket, in bytes, however little a node is to remember. */
const LEAST_BYTES = 1_048_576;

/** The sockets of a namespace that are not connected yet: what comes in for them is held back. */
export class HeldSockets {
  readonly #held = new Map<string, { socket: HeldSocket; bytes: number }>();
  readonly #sidOf = new Map<string, string>();
  readonly #mostBytes: number;

  constructor(
    private readonly host: RecoveryHost,
    recentMaxBytes: number,
  ) {
    this.#mostBytes = Math.max(LEAST_BYTES, recentMaxBytes);
  }

  get(sid: string): HeldSocket | undefined {
    return this.#held.get(sid)?.socket;
  }

  /** From now on the socket is in its rooms, and what comes in for it is held back. */
  add(sid: string, rooms: readonly string[], socket: HeldSocket): void {
    this.#held.set(sid, { socket, bytes: 0 });
    this.#sidOf.set(socket.pid, sid);
    this.host.addAll(sid, new Set(rooms));
  }

  /** What comes in is held back no more. */
  remove(sid: string): HeldSocket | undefined {
    const held = this.#held.get(sid)?.socket;
    if (held === undefined) return undefined;
    this.#held.delete(sid);
    if (this.#sidOf.get(held.pid) === sid) this.#sidOf.delete(held.pid);
    return held;
  }

  /** As if the socket had never been added. */
  undo(sid: string): void {
    this.remove(sid);
    this.host.delAll(sid);
  }

  /**
   * Keeps a packet of so many bytes for a socket that is not connected yet. When a middleware lets it wait for too long, it is cut off:
   * its client comes back, and what it missed is looked up again.
   */
  hold(sid: string, packet: MissedPacket, bytes: number): boolean {
    const held = this.#held.get(sid);
    if (held === undefined) return false;
    held.socket.packets.push(packet);
    held.bytes += bytes + OVERHEAD;
    if (held.bytes > this.#mostBytes) this.#cutOff(sid);
    return true;
  }

  /** Lets go of the session of a socket that was lost before a middleware let it in. */
  review(pid: string): void {
    const sid = this.#sidOf.get(pid);
    if (sid !== undefined && this.#connecting(sid)?.conn.readyState === 'closed') this.#cutOff(sid);
  }

  /** Ends the connection of the socket that has the session; `false` when there is none. The session is there for the next try. */
  cutOff(pid: string): boolean {
    const sid = this.#sidOf.get(pid);
    if (sid !== undefined) this.#cutOff(sid);
    return sid !== undefined;
  }

  #cutOff(sid: string): void {
    const socket = this.#connecting(sid);
    if (socket === undefined) return;
    socket.conn.close(true);
    // Socket.IO waits with this until next() is called, which may never be, or when the next socket of this id is here, whom it would hit.
    socket._cleanup();
    socket._cleanup = () => undefined;
  }

  #connecting(sid: string): SocketLike | undefined {
    return this.host.nsp._preConnectSockets?.get(sid);
  }
}
