import type { Session } from 'socket.io-adapter';
import type { NamespaceLike, SocketLike } from '../socket-io.js';
import { compareStreamIds, isStreamId, laterStreamId } from '../stream/stream-id.js';
import type { SessionOutcome, SessionSource } from '../telemetry-port.js';
import type { ClusterNode } from '../cluster-node.js';
import { AdapterClosedError } from '../errors.js';
import { reconnectDelay } from '../redis/driver.js';
import { olderPackets, recentPackets, TooManyEntriesError, type Absence, type MissedPacket } from './missed-packets.js';
import { encodeSession, type StoredSession } from './session.js';
import { streamInfo } from '../stream/stream-info.js';

/** What is known of the session of a connected socket. */
interface LiveSession {
  pid: string;
  /** Nothing before this position is for this session. */
  since: string;
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

/** A socket whose session is restored, but which is not connected yet: what comes in for it is held back. */
interface HeldSocket extends LiveSession {
  /** Where its missed packets begin. */
  from: string;
  packets: MissedPacket[];
  /** What came in since the session was restored takes this much, roughly, in bytes. */
  bytes: number;
}

/** What a packet that is held back takes beyond its data, roughly, in bytes. */
const OVERHEAD = 400;

/** Least that may be held back for a socket, in bytes, however little a node is to remember. */
const LEAST_HELD_BYTES = 1_048_576;

/** What a namespace does for its sockets with connection state recovery. */
export interface RecoveryHost {
  readonly nsp: NamespaceLike;
  /** The rooms of each socket. */
  readonly sids: ReadonlyMap<string, ReadonlySet<string>>;
  addAll(sid: string, rooms: Set<string>): void;
  delAll(sid: string): void;
  write(socket: SocketLike, packet: MissedPacket): void;
}

/** Ids that Socket.IO gives to sessions; anything else never was one. */
const SESSION_ID = /^[\w-]{1,64}$/;

interface Restored {
  session: Session;
  source: SessionSource;
  missedPackets: number;
  scannedEntries: number;
}

class NotRestored extends Error {
  constructor(readonly outcome: SessionOutcome) {
    super(outcome);
  }
}

/**
 * Connection state recovery of one namespace.
 *
 * A socket that is being restored is in its rooms from the very moment up to which its missed packets are looked up, so that none falls
 * between what it missed and what comes in; they are written, in order, once it is connected.
 */
export class Recovery {
  readonly #live = new Map<string, LiveSession>();
  readonly #held = new Map<string, HeldSocket>();
  readonly #sidOf = new Map<string, string>();
  /** Sessions whose missed packets are being looked up. */
  readonly #replaying = new Map<string, Promise<unknown>>();
  readonly #duration: number;
  readonly #mostHeldBytes: number;

  constructor(
    private readonly host: RecoveryHost,
    private readonly node: ClusterNode,
  ) {
    this.#duration = host.nsp.server.opts.connectionStateRecovery!.maxDisconnectionDuration;
    this.#mostHeldBytes = Math.max(LEAST_HELD_BYTES, node.options.recentMaxBytes);
  }

  /**
   * Keeps a packet of so many bytes for a socket that is not connected yet. When a middleware lets it wait for too long, it is cut off:
   * its client comes back, and what it missed is looked up again.
   */
  hold(sid: string, packet: MissedPacket, bytes: number): boolean {
    const held = this.#held.get(sid);
    if (held === undefined) return false;
    held.packets.push(packet);
    held.bytes += bytes + OVERHEAD;
    if (held.bytes > this.#mostHeldBytes) this.#cutOff(sid);
    return true;
  }

  /** A packet with this offset was written to the socket. */
  written(sid: string, offset: string): void {
    const live = this.#live.get(sid);
    if (live) live.offset = offset;
  }

  /** Socket.IO is connecting the socket; the packet that tells the client so goes out in this turn. */
  connecting(socket: SocketLike): void {
    if (this.#live.has(socket.id) || socket.pid === undefined) return;
    const held = this.#held.get(socket.id);
    // a node that is stopping has given its claims back, and cuts off all of its clients in a moment
    if (held && !this.node.closed && !this.node.sessions.holds(held.pid)) return this.#connectedTooLate(socket);
    const since = held?.since ?? this.#position();
    this.#live.set(socket.id, { pid: socket.pid, since, offset: held?.offset });
    this.#sidOf.set(socket.pid, socket.id);
    const crashSafe = this.node.options.sessions === 'crash-safe';
    // writes over the session that was used, if one was
    if (crashSafe) this.keep(socket);
    if (!held) return;
    const { sessions } = this.node;
    // a node that is stopping could not write the session again
    if (this.node.closed) void sessions.release(held.pid).catch(() => undefined);
    else if (!crashSafe) void sessions.use(held.pid).catch(() => undefined);
    // A client takes packets only after it knows that it is connected: those sent before could come twice, if this connection fails.
    queueMicrotask(() => {
      if (this.#held.get(socket.id) !== held) return;
      this.#held.delete(socket.id);
      for (const packet of held.packets) {
        try {
          this.host.write(socket, packet);
        } catch (error) {
          this.node.handlerFailed(error);
        }
        this.written(socket.id, packet.id);
      }
    });
  }

  /** The socket is gone, or never came to be connected. */
  gone(sid: string): void {
    const live = this.#live.get(sid);
    const held = this.#held.get(sid);
    this.#live.delete(sid);
    this.#held.delete(sid);
    const pid = live?.pid ?? held?.pid;
    if (pid !== undefined) this.#sidOf.delete(pid);
    // refused by a middleware, or cut off before: the session is there for the next try
    if (held && !live) void this.node.sessions.release(held.pid).catch(() => undefined);
    // a client that left for good leaves no session, also not the one that was kept for the case of a crash
    else if (live && !live.saved && (live.kept || this.node.sessions.isClaimed(live.pid))) {
      void this.node.sessions.discard(live.pid).catch(() => undefined);
    }
  }

  /** Saves the session of a socket that was disconnected. */
  persist(session: { sid: string; pid: string; rooms: string[]; data: unknown }): void {
    const live = this.#live.get(session.sid);
    // its session is not its own any more
    if (live === undefined) return;
    live.saved = true;
    void this.#save({ ...session, nsp: this.host.nsp.name, ...this.#progress(session.sid) });
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

  /** Saves the sessions of all connected sockets. */
  keepAll(): void {
    for (const socket of this.host.nsp.sockets.values()) this.keep(socket);
  }

  /** The client of a session has come back elsewhere: lets go of what is left of its old connection. Resolves to whether there was something. */
  async surrender(pid: string): Promise<boolean> {
    const replaying = this.#replaying.get(pid);
    await replaying?.catch(() => undefined);
    const sid = this.#sidOf.get(pid);
    if (sid === undefined) return replaying !== undefined;
    this.host.nsp.sockets.get(sid)?.conn.close(true);
    this.#cutOff(sid);
    return true;
  }

  /** Lets go of the session of a socket that was lost before a middleware let it in. */
  review(pid: string): void {
    const sid = this.#sidOf.get(pid);
    if (sid !== undefined && this.#connecting(sid)?.conn.readyState === 'closed') this.#cutOff(sid);
  }

  /** Somebody else may have restored the session: what is not connected yet must not be. */
  lost(pid: string): void {
    const sid = this.#sidOf.get(pid);
    if (sid !== undefined) this.#cutOff(sid);
  }

  /**
   * A client that comes to a node which is stopping is cut off in a moment, and comes back elsewhere: until then it is left waiting,
   * so that it keeps its session.
   *
   * @returns the session, or `null` when the client has to start afresh. Never rejects.
   */
  async restore(pid: string, offset: string): Promise<Session | null> {
    const session = await this.#observedRestore(pid, offset);
    return this.node.closed ? forever() : session;
  }

  async #observedRestore(pid: string, offset: string): Promise<Session | null> {
    const telemetry = this.node.telemetry.restoreSession(this.host.nsp.name);
    try {
      const { session, source, missedPackets, scannedEntries } = await this.#restore(pid, offset);
      telemetry.end({ outcome: 'restored', source, missedPackets, scannedEntries });
      return session;
    } catch (error) {
      const outcome = error instanceof NotRestored ? error.outcome : 'error';
      telemetry.end({
        outcome,
        source: undefined,
        missedPackets: 0,
        scannedEntries: 0,
        ...(outcome === 'error' && { error }),
      });
      return null;
    }
  }

  async #restore(pid: string, offset: string): Promise<Restored> {
    if (!SESSION_ID.test(pid) || !isStreamId(offset)) throw new NotRestored('invalid');
    await this.node.ready();
    const signal = AbortSignal.timeout(this.node.options.restoreTimeout);
    for (;;) {
      const stored = await this.node.claimSession(pid, signal);
      if (stored === undefined) throw new NotRestored('not_found');
      const replaying = this.#insist(stored, offset, signal);
      this.#replaying.set(pid, replaying);
      try {
        const restored = await replaying;
        if (this.node.sessions.holds(pid)) return restored;
        // Redis was away for longer than a claim lasts: somebody else may have been faster
        this.#undo(stored);
      } catch (error) {
        void this.node.sessions.release(pid).catch(() => undefined);
        throw error;
      } finally {
        this.#replaying.delete(pid);
      }
    }
  }

  /** Looks up again what Redis could not answer for a while: a client that is told to start afresh has lost its session for good. */
  async #insist(stored: StoredSession, offset: string, signal: AbortSignal): Promise<Restored> {
    const { commands } = this.node;
    for (let failures = 0; ; failures++) {
      try {
        return await this.#replay(stored, offset, signal);
      } catch (error) {
        if (error instanceof NotRestored || error instanceof TooManyEntriesError) throw error;
        await pause(reconnectDelay(failures));
        await commands.whenReady(signal).catch(() => undefined);
        if (signal.aborted || this.node.closed) throw error;
      }
    }
  }

  async #replay(stored: StoredSession, offset: string, signal: AbortSignal): Promise<Restored> {
    const { name } = this.host.nsp;
    if (stored.nsp === undefined ? !this.node.options.interop : stored.nsp !== name) throw new NotRestored('forbidden');
    const recent = this.node.log.recent(name)!;
    // a stream that began anew is read again up to where memory begins
    const known = laterStreamId(offset, stored.position ?? offset);
    await this.#catchUp(laterStreamId(known, recent.from), signal);

    const absence: Absence = {
      stream: this.node.log.streamOf(name),
      namespace: name,
      from: resumeFrom(stored, offset),
      rooms: stored.rooms,
    };
    const memory = recentPackets(recent, absence);
    const { sid, pid, data } = stored;
    const held = {
      pid,
      since: stored.since ?? absence.from,
      from: absence.from,
      offset,
      packets: memory.packets,
      bytes: 0,
    };
    // From here on what comes in is held back; what came in before is in memory, or in Redis.
    this.#held.set(sid, held);
    this.#sidOf.set(pid, sid);
    this.host.addAll(sid, new Set(stored.rooms));
    try {
      const older = await this.#older(absence, recent.from, signal);
      held.packets = [...older.packets, ...held.packets];
      const session: Session = { sid, pid, rooms: [...this.host.sids.get(sid)!], data, missedPackets: [] };
      const scannedEntries = older.scanned + memory.scanned;
      return { session, source: older.source, missedPackets: held.packets.length, scannedEntries };
    } catch (error) {
      this.#undo(stored);
      throw error;
    }
  }

  #undo({ sid, pid }: StoredSession): void {
    this.#held.delete(sid);
    this.#sidOf.delete(pid);
    this.host.delAll(sid);
  }

  #connecting(sid: string): SocketLike | undefined {
    return this.host.nsp._preConnectSockets?.get(sid);
  }

  /** Ends the connection of a socket that no middleware has let in yet. Its session is there for the next try. */
  #cutOff(sid: string): void {
    const socket = this.#connecting(sid);
    if (socket === undefined) return;
    socket.conn.close(true);
    // Socket.IO waits with this until next() is called, which may never be, or when the next socket of this id is here, whom it would hit.
    socket._cleanup();
    socket._cleanup = () => undefined;
  }

  /** The claim on its session lapsed. Socket.IO tells its client that it is connected all the same, and the client comes back. */
  #connectedTooLate(socket: SocketLike): void {
    this.#held.delete(socket.id);
    this.#sidOf.delete(socket.pid!);
    queueMicrotask(() => socket.conn.close(true));
  }

  /** What was missed up to `until`, from where on it is in memory. */
  async #older(
    absence: Absence,
    until: string,
    signal: AbortSignal,
  ): Promise<{ source: SessionSource; packets: MissedPacket[]; scanned: number }> {
    if (compareStreamIds(absence.from, until) >= 0) return { source: 'memory', packets: [], scanned: 0 };
    const { maxLen = Number.POSITIVE_INFINITY } = this.node.options;
    const older = await olderPackets(this.node.commands, absence, until, maxLen, signal);
    if (older.trimmed) throw new NotRestored('trimmed');
    if (this.node.closed) throw new AdapterClosedError('The adapter was closed.');
    return { source: 'redis', ...older };
  }

  /** A node may be behind the one that the client comes from. */
  async #catchUp(id: string, signal: AbortSignal): Promise<void> {
    const { log, commands } = this.node;
    const { name } = this.host.nsp;
    if (compareStreamIds(this.#position(), id) >= 0) return;
    const info = await streamInfo(commands, log.streamOf(name));
    // the stream has begun anew since, and will never get there
    if (info === undefined || compareStreamIds(info.lastGeneratedId, id) < 0) throw new NotRestored('trimmed');
    await log.reached(name, id, signal);
  }

  async #writeKept(socket: SocketLike, live: LiveSession): Promise<void> {
    const { id } = socket;
    const { pid } = live;
    const { uid: owner } = this.node;
    // one that is disconnected is saved once and for all
    while (live.changed && !live.saved && this.#live.get(id) === live) {
      live.changed = false;
      live.writing = true;
      const { rooms, data } = socket;
      await this.#save({
        sid: id,
        pid,
        rooms: [...rooms],
        data,
        nsp: this.host.nsp.name,
        owner,
        ...this.#progress(id),
      });
    }
    live.writing = false;
  }

  #progress(sid: string): Partial<StoredSession> {
    const live = this.#live.get(sid);
    if (live === undefined) return {};
    // what is still held back has not been written
    const position = this.#held.get(sid)?.from ?? this.#position();
    const progress: Partial<StoredSession> = { position, since: live.since };
    if (live.offset !== undefined) progress.offset = live.offset;
    return progress;
  }

  async #save(session: StoredSession): Promise<void> {
    const telemetry = this.node.telemetry.persistSession(this.host.nsp.name);
    try {
      // a session that is kept while the client is connected has to outlast the time until it is written again
      const duration = this.#duration + (session.owner === undefined ? 0 : 2 * this.node.options.heartbeatTimeout);
      await this.node.sessions.save(session.pid, encodeSession(session), duration);
      telemetry.end();
    } catch (error) {
      telemetry.end(error);
      this.node.sessionNotSaved(this.host.nsp.name, error);
    }
  }

  #position(): string {
    return this.node.log.position(this.host.nsp.name);
  }
}

/** Where in the stream a client goes on. */
function resumeFrom(stored: StoredSession, offset: string): string {
  // a session of the peer package tells nothing else
  if (stored.position === undefined) return offset;
  // The client has everything that was written to it: nothing up to the position of its node concerns it, however old its offset.
  if (stored.offset === undefined || stored.offset === offset) return laterStreamId(stored.position, offset);
  // It lacks something. An offset from before the session is left over from an earlier one.
  return stored.since === undefined ? offset : laterStreamId(stored.since, offset);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

function forever(): Promise<never> {
  return new Promise(() => undefined);
}
