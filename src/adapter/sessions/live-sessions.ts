import type { ClusterNode } from '../cluster-node.js';
import type { NamespaceLike, SocketLike } from '../socket-io.js';
import { encodeSession, longestLife, type StoredSession } from './session.js';

/** What is known of the session of a connected socket. */
interface LiveSession {
  readonly pid: string;
  /** Nothing before this position is for this session. */
  readonly since: string;
  /** Offset of the last packet that was written to the client. */
  offset: string | undefined;
  /** It is in Redis for the case of a crash. */
  kept?: boolean;
  /** It is to be written for that case, for the first time or again. */
  changed?: boolean;
  /** It is being written. */
  writing?: boolean;
  /** It was written when the client was disconnected. */
  saved?: boolean;
}

/** The sessions of the connected sockets of a namespace, and when they are written. */
export class LiveSessions {
  readonly #live = new Map<string, LiveSession>();
  readonly #sidOf = new Map<string, string>();
  readonly #duration: number;

  constructor(
    private readonly nsp: NamespaceLike,
    private readonly node: ClusterNode,
    /** Everything up to here that is for the socket was written to it. */
    private readonly positionOf: (sid: string) => string,
  ) {
    this.#duration = nsp.server.opts.connectionStateRecovery!.maxDisconnectionDuration;
  }

  has(sid: string): boolean {
    return this.#live.has(sid);
  }

  /** The socket that has the session. */
  sidOf(pid: string): string | undefined {
    return this.#sidOf.get(pid);
  }

  add(sid: string, session: LiveSession): void {
    this.#live.set(sid, session);
    this.#sidOf.set(session.pid, sid);
  }

  remove(sid: string): LiveSession | undefined {
    const live = this.#live.get(sid);
    if (live === undefined) return undefined;
    this.#live.delete(sid);
    if (this.#sidOf.get(live.pid) === sid) this.#sidOf.delete(live.pid);
    return live;
  }

  /** A packet with this offset was written to the socket. */
  written(sid: string, offset: string): void {
    const live = this.#live.get(sid);
    if (live) live.offset = offset;
  }

  /** Saves the session of a socket that was disconnected. */
  persist({ sid, rooms, data }: { sid: string; rooms: string[]; data: unknown }): void {
    const live = this.#live.get(sid);
    // its session is not its own any more
    if (live === undefined) return;
    live.saved = true;
    void this.#save(this.#stored(sid, live, rooms, data), this.#duration);
  }

  /**
   * Saves the session of a connected socket, in case this process does not live to do it later: as it is at the end of this turn, or
   * when what is being written is written.
   */
  keep(socket: SocketLike): void {
    const live = this.#live.get(socket.id);
    if (live === undefined || live.changed) return;
    live.kept = live.changed = true;
    if (!live.writing) queueMicrotask(() => void this.#writeKept(socket, live));
  }

  async #writeKept(socket: SocketLike, live: LiveSession): Promise<void> {
    const { id } = socket;
    const owner = this.node.uid;
    const duration = longestLife(this.#duration, this.node.options);
    // one that is disconnected is saved once and for all
    while (live.changed && !live.saved && this.#live.get(id) === live) {
      live.changed = false;
      live.writing = true;
      await this.#save({ ...this.#stored(id, live, [...socket.rooms], socket.data), owner }, duration);
    }
    live.writing = false;
  }

  #stored(sid: string, { pid, since, offset }: LiveSession, rooms: string[], data: unknown): StoredSession {
    const nsp = this.nsp.name;
    const stream = this.node.log.streamOf(nsp);
    const session: StoredSession = { sid, pid, rooms, data, nsp, stream, position: this.positionOf(sid), since };
    if (offset !== undefined) session.offset = offset;
    return session;
  }

  async #save(session: StoredSession, duration: number): Promise<void> {
    const { sessions } = this.node;
    const telemetry = this.node.telemetry.persistSession(this.nsp.name);
    const failed = (error: unknown): void => {
      telemetry.end(error);
      this.node.sessionNotSaved(this.nsp.name, error);
    };
    let value: string;
    try {
      value = encodeSession(session);
    } catch (error) {
      // What was written of it before is of an earlier time: its client would be in other rooms than it was, and miss what they got.
      const discarded = sessions.discard(session.pid);
      failed(error);
      return discarded.catch(() => undefined);
    }
    await sessions.save(session.pid, value, duration).then(() => telemetry.end(), failed);
  }
}
