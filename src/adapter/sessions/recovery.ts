import type { Session } from 'socket.io-adapter';
import type { ClusterNode } from '../cluster-node.js';
import type { SocketLike } from '../socket-io.js';
import { encodePositions } from '../stream/positions.js';
import type { StreamMessage } from '../wire/message.js';
import { HeldSockets } from './held-sockets.js';
import { LiveSessions } from './live-sessions.js';
import type { MissedPacket } from './missed-packets.js';
import type { RecoveryHost } from './recovery-host.js';
import { Restoration } from './restoration.js';

/**
 * Connection state recovery of one namespace: the way of a socket from a session that was restored, over the wait for the middleware,
 * to one that is connected, and back to a session.
 */
export class Recovery {
  readonly #held: HeldSockets;
  readonly #live: LiveSessions;
  readonly #restoration: Restoration;

  constructor(
    private readonly host: RecoveryHost,
    private readonly node: ClusterNode,
  ) {
    this.#held = new HeldSockets(host, node.options.recentMaxBytes);
    // what is still held back has not been written
    this.#live = new LiveSessions(host.nsp, node, (sid) => this.#held.get(sid)?.from ?? this.#position());
    this.#restoration = new Restoration(host, node, this.#held);
  }

  /** See {@link Restoration.restore}. */
  restore(pid: string, offset: string): Promise<Session | null> {
    return this.#restoration.restore(pid, offset);
  }

  /** See {@link StreamLog.offsetOf}. */
  offsetOf(message: StreamMessage): string {
    return this.node.log.offsetOf(message);
  }

  /** See {@link HeldSockets.hold}. */
  hold(sid: string, packet: MissedPacket, bytes: number): boolean {
    return this.#held.hold(sid, packet, bytes);
  }

  /** See {@link LiveSessions.written}. */
  written(sid: string, offset: string): void {
    this.#live.written(sid, offset);
  }

  /** Socket.IO is connecting the socket; the packet that tells the client so goes out in this turn. */
  connecting(socket: SocketLike): void {
    const { id, pid } = socket;
    if (this.#live.has(id) || pid === undefined) return;
    const held = this.#held.get(id);
    const { sessions, options, closed } = this.node;
    if (held && !closed && !sessions.holds(pid)) return this.#connectedTooLate(socket);
    this.#live.add(id, { pid, since: held?.since ?? this.#position(), offset: held?.offset });
    const crashSafe = options.sessions === 'crash-safe';
    // writes over the session that was used, if one was
    if (crashSafe) this.#live.keep(socket);
    if (!held) return;
    // a node that is stopping has given its claims back, and cuts off all of its clients in a moment
    if (closed) void sessions.release(pid).catch(() => undefined);
    else if (!crashSafe) void sessions.use(pid).catch(() => undefined);
    // A client takes packets only after it knows that it is connected: those sent before could come twice, if this connection fails.
    queueMicrotask(() => {
      if (this.#held.get(id) !== held) return;
      this.#held.remove(id);
      for (const packet of held.packets) {
        try {
          this.host.write(socket, packet);
        } catch (error) {
          this.node.handlerFailed(error);
        }
        this.#live.written(id, packet.offset);
      }
    });
  }

  /** The socket is gone, or never came to be connected. */
  gone(sid: string): void {
    const held = this.#held.remove(sid);
    const live = this.#live.remove(sid);
    const { sessions } = this.node;
    // refused by a middleware, or cut off before: the session is there for the next try
    if (held && !live) void sessions.release(held.pid).catch(() => undefined);
    // a client that left for good leaves no session, also not the one that was kept for the case of a crash
    else if (live && !live.saved && (live.kept || sessions.isClaimed(live.pid))) {
      void sessions.discard(live.pid).catch(() => undefined);
    }
  }

  /** See {@link LiveSessions.persist}. */
  persist(session: { sid: string; rooms: string[]; data: unknown }): void {
    this.#live.persist(session);
  }

  /** See {@link LiveSessions.keep}. */
  keep(socket: SocketLike): void {
    this.#live.keep(socket);
  }

  /** Saves the sessions of all connected sockets. */
  keepAll(): void {
    for (const socket of this.host.nsp.sockets.values()) this.#live.keep(socket);
  }

  /** The client of a session has come back elsewhere: lets go of what is left of its old connection. Resolves to whether there was something. */
  async surrender(pid: string): Promise<boolean> {
    const replayed = await this.#restoration.settled(pid);
    const sid = this.#live.sidOf(pid);
    if (sid !== undefined) this.host.nsp.sockets.get(sid)?.conn.close(true);
    const waiting = this.#held.cutOff(pid);
    return replayed || waiting || sid !== undefined;
  }

  /** See {@link HeldSockets.review}. */
  review(pid: string): void {
    this.#held.review(pid);
  }

  /** Somebody else may have restored the session: what is not connected yet must not be. */
  lost(pid: string): void {
    this.#held.cutOff(pid);
  }

  /** The claim on its session lapsed, or may have. Socket.IO tells its client that it is connected all the same, and the client comes back. */
  #connectedTooLate(socket: SocketLike): void {
    const held = this.#held.remove(socket.id);
    if (held) void this.node.sessions.release(held.pid).catch(() => undefined);
    queueMicrotask(() => socket.conn.close(true));
  }

  #position(): string {
    return encodePositions(this.node.log.positions(this.host.nsp.name));
  }
}
