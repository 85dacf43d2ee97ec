import type { Session } from 'socket.io-adapter';
import type { ClusterNode } from '../cluster-node.js';
import { withDeadline } from '../deadline.js';
import { AdapterClosedError } from '../errors.js';
import { decodePositions, encodePositions, type Positions } from '../stream/positions.js';
import { comparePositions, earlierPosition, FIRST_POSITION, laterPosition } from '../stream/stream-id.js';
import { streamInfo } from '../stream/stream-info.js';
import type { SessionOutcome, SessionSource } from '../telemetry-port.js';
import type { HeldSocket, HeldSockets } from './held-sockets.js';
import { insist } from './insist.js';
import {
  olderMessages,
  recentMessages,
  TooManyEntriesError,
  type Absence,
  type MissedMessage,
  type RecentMessages,
} from './missed-packets.js';
import type { RecoveryHost } from './recovery-host.js';
import { replay, type Start } from './replay.js';
import { resumptionOf, type StoredSession } from './session.js';

/** Ids that Socket.IO gives to sessions; anything else never was one. */
const SESSION_ID = /^[\w-]{1,64}$/;

/** Entries that are read for one client, at most, where nothing says how many a stream is to hold. */
const MOST_ENTRIES = 100_000;

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
      const { session, source, missedPackets, scannedEntries } = await telemetry.run(() => this.#restore(pid, offset));
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
    if (!SESSION_ID.test(pid) || decodePositions(offset) === undefined) throw new NotRestored('invalid');
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
      // nor may this claim be in the way of the next, if it is still there
      await withDeadline(this.node.sessions.release(pid), signal);
    }
  }

  async #replay(stored: StoredSession, offset: string, signal: AbortSignal): Promise<Restored> {
    const start = this.#start(stored, offset);
    const { sid, pid, data, rooms } = stored;
    const concerned = this.#concerned(rooms);
    await this.#catchUp(start, concerned, signal);
    const absences = this.#absences(start, concerned, rooms);
    const from = encodePositions(start.positions);
    const held: HeldSocket = { pid, since: stored.since ?? from, from, offset, packets: [] };
    // From here on what comes in is held back; what came in before is in memory, or in Redis.
    this.held.add(sid, rooms, held);
    try {
      const reading = Promise.all(
        absences.map(async ({ absence, until, memory }) => ({
          older: await this.#older(absence, until, signal),
          memory,
        })),
      );
      // a Redis that says nothing is left alone; what is read when it goes on is of no use any more
      const parts = await withDeadline(reading, signal);
      const missed = parts.flatMap(({ older, memory }) => [...(older?.messages ?? []), ...memory.messages]);
      held.packets = [...replay(missed, start), ...held.packets];
      const session: Session = { sid, pid, rooms: [...this.host.sids.get(sid)!], data, missedPackets: [] };
      return {
        session,
        source: parts.some(({ older }) => older !== undefined) ? 'redis' : 'memory',
        missedPackets: held.packets.length,
        scannedEntries: parts.reduce((sum, { older, memory }) => sum + (older?.scanned ?? 0) + memory.scanned, 0),
      };
    } catch (error) {
      this.held.undo(sid);
      throw error;
    }
  }

  /** Where the client goes on in each stream of the namespace. */
  #start(stored: StoredSession, offset: string): Start & { known: Positions } {
    const { name } = this.host.nsp;
    const { log, options } = this.node;
    if (stored.nsp === undefined ? !options.interop : stored.nsp !== name) throw new NotRestored('forbidden');
    const streams = log.streamsOf(name);
    const resumption = resumptionOf(stored, offset);
    // the namespace was in other streams before the options were changed
    const moved = stored.stream !== undefined && stored.stream !== log.streamOf(name);
    if (moved || resumption?.from.length !== streams.length) throw new NotRestored('trimmed');
    return { streams, positions: resumption.from, known: resumption.known };
  }

  /** The streams that may hold something for a client in these rooms. */
  #concerned(rooms: readonly string[]): ReadonlySet<string> {
    const { log } = this.node;
    const { name } = this.host.nsp;
    return new Set([log.streamOf(name), ...rooms.map((room) => log.streamOf(name, [room]))]);
  }

  /** What the client missed of each stream that concerns it: what of it is in memory, and up to where it is not. */
  #absences(
    { streams, positions }: Start,
    concerned: ReadonlySet<string>,
    rooms: readonly string[],
  ): Array<{ absence: Absence; until: string; memory: RecentMessages }> {
    const { name } = this.host.nsp;
    const { log } = this.node;
    return streams.flatMap((stream, i) => {
      if (!concerned.has(stream)) return [];
      const absence: Absence = { stream, namespace: name, from: positions[i]!, rooms };
      const recent = log.recent(stream)!;
      const until = earlierPosition(recent.from, log.position(stream));
      return [{ absence, until, memory: recentMessages(recent, absence) }];
    });
  }

  /** What was missed up to `until`, from where on it is in memory; `undefined` when all of it is there. */
  async #older(
    absence: Absence,
    until: string,
    signal: AbortSignal,
  ): Promise<{ messages: MissedMessage[]; scanned: number } | undefined> {
    if (comparePositions(absence.from, until) >= 0) return undefined;
    const { commands, log, options } = this.node;
    const most = options.maxLen === undefined ? MOST_ENTRIES : 2 * options.maxLen;
    const isRepetition = await log.repetitionsSince(absence.stream, absence.from, signal);
    const older = await olderMessages(commands, absence, until, { isRepetition, most, signal });
    if (older.trimmed) throw new NotRestored('trimmed');
    if (this.node.closed) throw new AdapterClosedError('The adapter was closed.');
    return older;
  }

  /**
   * A node may be behind the one that the client comes from, and it reads a stream that began anew once more, up to where memory begins or
   * the stream ends. Waits until it is behind in none of the streams that concern the client.
   */
  async #catchUp(
    { streams, known }: { streams: readonly string[]; known: Positions },
    concerned: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<void> {
    const { log, commands } = this.node;
    /** Where streams ended that do not reach to where memory begins. */
    const ends = new Map<string, string>();
    const goalOf = (stream: string, i: number): string => laterPosition(known[i]!, log.recent(stream)!.from);
    for (;;) {
      const i = streams.findIndex((stream, index) => {
        const goal = ends.get(stream) ?? goalOf(stream, index);
        return concerned.has(stream) && comparePositions(log.position(stream), goal) < 0;
      });
      if (i === -1) return;
      const stream = streams[i]!;
      const info = await withDeadline(streamInfo(commands, stream), signal);
      const end = info?.lastGeneratedId ?? FIRST_POSITION;
      // the stream has begun anew since, and will never get there
      if (comparePositions(end, known[i]!) < 0) throw new NotRestored('trimmed');
      const goal = goalOf(stream, i);
      if (comparePositions(end, goal) < 0) ends.set(stream, end);
      else ends.delete(stream);
      await log.reached(stream, earlierPosition(end, goal), signal);
    }
  }
}

function forever(): Promise<never> {
  return new Promise(() => undefined);
}
