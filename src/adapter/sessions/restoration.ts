import type { Session } from 'socket.io-adapter';
import type { ClusterNode } from '../cluster-node.js';
import { AdapterClosedError } from '../errors.js';
import { comparePositions, isPosition, laterPosition } from '../stream/stream-id.js';
import { streamInfo } from '../stream/stream-info.js';
import type { SessionOutcome, SessionSource } from '../telemetry-port.js';
import type { HeldSocket, HeldSockets } from './held-sockets.js';
import { insist } from './insist.js';
import { olderPackets, recentPackets, TooManyEntriesError, type Absence, type MissedPacket } from './missed-packets.js';
import type { RecoveryHost } from './recovery-host.js';
import { resumeFrom, type StoredSession } from './session.js';

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
 * Finds the sessions of clients that come back to a namespace, and what they missed.
 *
 * A socket that is being restored is in its rooms from the very moment up to which its missed packets are looked up, so that none falls
 * between what it missed and what comes in.
 */
export class Restoration {
  /** Sessions whose missed packets are being looked up. */
  readonly #replaying = new Map<string, Promise<unknown>>();

  constructor(
    private readonly host: RecoveryHost,
    private readonly node: ClusterNode,
    private readonly held: HeldSockets,
  ) {}

  /** Resolves when what the client of the session missed is not being looked up (any more), to whether it was. */
  async settled(pid: string): Promise<boolean> {
    const replaying = this.#replaying.get(pid);
    await replaying?.catch(() => undefined);
    return replaying !== undefined;
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
    if (!SESSION_ID.test(pid) || !isPosition(offset)) throw new NotRestored('invalid');
    await this.node.ready();
    const signal = AbortSignal.timeout(this.node.options.restoreTimeout);
    const { commands } = this.node;
    const isFinal = (error: unknown): boolean =>
      error instanceof NotRestored || error instanceof TooManyEntriesError || this.node.closed;
    for (;;) {
      const stored = await this.node.claimSession(pid, signal);
      if (stored === undefined) throw new NotRestored('not_found');
      // a client that is told to start afresh has lost its session for good
      const replaying = insist(commands, () => this.#replay(stored, offset, signal), signal, isFinal);
      this.#replaying.set(pid, replaying);
      try {
        const restored = await replaying;
        if (this.node.sessions.holds(pid)) return restored;
        // Redis was away for longer than a claim lasts: somebody else may have been faster
        this.held.undo(stored.sid);
      } catch (error) {
        void this.node.sessions.release(pid).catch(() => undefined);
        throw error;
      } finally {
        this.#replaying.delete(pid);
      }
    }
  }

  async #replay(stored: StoredSession, offset: string, signal: AbortSignal): Promise<Restored> {
    const { name } = this.host.nsp;
    if (stored.nsp === undefined ? !this.node.options.interop : stored.nsp !== name) throw new NotRestored('forbidden');
    // the namespace was in another one before the options were changed
    if (stored.stream !== undefined && stored.stream !== this.node.log.streamOf(name)) throw new NotRestored('trimmed');
    const recent = this.node.log.recent(name)!;
    // a stream that began anew is read again up to where memory begins
    const known = laterPosition(offset, stored.position ?? offset);
    await this.#catchUp(laterPosition(known, recent.from), signal);

    const absence: Absence = {
      stream: this.node.log.streamOf(name),
      namespace: name,
      from: resumeFrom(stored, offset),
      rooms: stored.rooms,
    };
    const memory = recentPackets(recent, absence);
    const { sid, pid, data } = stored;
    const held: HeldSocket = {
      pid,
      since: stored.since ?? absence.from,
      from: absence.from,
      offset,
      packets: memory.packets,
    };
    // From here on what comes in is held back; what came in before is in memory, or in Redis.
    this.held.add(sid, stored.rooms, held);
    try {
      const older = await this.#older(absence, recent.from, signal);
      held.packets = [...older.packets, ...held.packets];
      const session: Session = { sid, pid, rooms: [...this.host.sids.get(sid)!], data, missedPackets: [] };
      const scannedEntries = older.scanned + memory.scanned;
      return { session, source: older.source, missedPackets: held.packets.length, scannedEntries };
    } catch (error) {
      this.held.undo(stored.sid);
      throw error;
    }
  }

  /** What was missed up to `until`, from where on it is in memory. */
  async #older(
    absence: Absence,
    until: string,
    signal: AbortSignal,
  ): Promise<{ source: SessionSource; packets: MissedPacket[]; scanned: number }> {
    if (comparePositions(absence.from, until) >= 0) return { source: 'memory', packets: [], scanned: 0 };
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
    if (comparePositions(this.#position(), id) >= 0) return;
    const info = await streamInfo(commands, log.streamOf(name));
    // the stream has begun anew since, and will never get there
    if (info === undefined || comparePositions(info.lastGeneratedId, id) < 0) throw new NotRestored('trimmed');
    await log.reached(name, id, signal);
  }

  #position(): string {
    return this.node.log.position(this.host.nsp.name);
  }
}

function forever(): Promise<never> {
  return new Promise(() => undefined);
}
