import { AdapterClosedError, toError } from '../errors.js';
import { reconnectDelay, type RedisConnection } from '../redis/driver.js';
import { refusalIn } from '../redis/refusal.js';
import type { TelemetryPort } from '../telemetry-port.js';
import { pause } from '../timers.js';
import { comparePositions, FIRST_POSITION } from './stream-id.js';
import { streamInfo, type StreamInfo } from './stream-info.js';

/** An entry as XREAD returns it: id, and fields and values in turn. */
export type RawEntry = [id: Buffer, fields: Buffer[]];

export interface ReaderListener {
  /**
   * Entries that came after those given before; the next ones are given once these are handed on. Must neither throw nor reject. The
   * position moves on with {@link StreamReader.advance}.
   */
  onEntries(stream: string, entries: readonly RawEntry[]): Promise<void> | undefined;
  /** Entries between `from` and `to` were trimmed away before they were read. */
  onGap(stream: string, from: string, to: string, missed: number): void;
  /**
   * The stream ended before the position, and ends at `end` now: it was deleted, and is read from its beginning, or Redis came back with an
   * `older` state of it, and what was added since this reader started is read once more.
   */
  onReset(stream: string, position: string, end: string, older: boolean): void;
  /** Now and then: what Redis says of a stream. */
  onInfo(stream: string, info: StreamInfo): void;
  /** Redis refuses to be read, or to be asked for a stream; it is tried again. */
  onRefused(command: 'XREAD' | 'XINFO', reason: string): void;
}

export interface ReaderOptions {
  streams: readonly string[];
  readCount: number;
  blockTimeInMs: number;
}

/** A place in a stream, and how many entries had ever been added to it there; `undefined` where that is not known, as before Redis 7. */
interface Place {
  position: string;
  ordinal: number | undefined;
}

interface Cursor {
  /** Where reading began: what the stream held before was not for this reader. */
  start: Place;
  /** The last entry that was handed on completely. */
  position: string;
  /** The last entry that was received; the next XREAD begins after it. */
  received: string;
  /** That of `received`, see {@link Place}. */
  ordinal: number | undefined;
  /** Since when it waits for entries: when the last were handed on, or the connection was there. */
  waitsSince: number;
}

/**
 * Between the beginnings of two reads, in milliseconds, on the long run and unless more is known to be there: many small replies cost more
 * than few large ones.
 */
const LEAST_INTERVAL = 1;

/** Reads that may follow on each other at once, so that a few messages that come together do not wait for each other. */
const BURST = 10;

/** A stream of which nothing comes is compared with its position once in so many reads: to do it each time would be a third of what an idle node asks. */
const QUIET_READS = 6;

/** How long an entry that is in the stream may take to be read by one who waits for it, in milliseconds. */
const OVERDUE = 1_000;

/** Reads the streams of a Server, from where they ended when it started, and never past an entry that it has not handed on. */
export class StreamReader {
  readonly #cursors = new Map<string, Cursor>();
  #waiters: Array<{ stream: string; id: string; resolve: () => void }> = [];
  #stopped = false;
  #mustVerify = false;
  #verified = 0;
  /** When the reads so far would be over, had each taken {@link LEAST_INTERVAL}. */
  #paced = Number.NEGATIVE_INFINITY;
  #failures = 0;

  constructor(
    private readonly connection: RedisConnection,
    private readonly options: ReaderOptions,
    private readonly telemetry: TelemetryPort,
    private readonly listener: ReaderListener,
  ) {
    connection.on('lost', () => (this.#mustVerify = true));
  }

  /** Finds out where the streams end, which is where reading starts. Rejects when that cannot be found out. */
  async locate(): Promise<void> {
    for (const stream of this.options.streams) {
      const info = await streamInfo(this.connection, stream);
      const position = info?.lastGeneratedId ?? FIRST_POSITION;
      const ordinal = info ? info.entriesAdded : 0;
      const start = { position, ordinal };
      this.#cursors.set(stream, { start, ...start, received: position, waitsSince: Number.POSITIVE_INFINITY });
    }
  }

  /** Reads on from where the streams ended. */
  start(): void {
    this.#waitFromNow();
    this.connection.on('ready', () => this.#waitFromNow());
    this.telemetry.background(() => void this.#run());
  }

  /** The last entry of the stream that was handed on completely. */
  position(stream: string): string {
    return this.#cursors.get(stream)?.position ?? FIRST_POSITION;
  }

  /** The entry was handed on: the position is behind it. */
  advance(stream: string, id: string): void {
    const cursor = this.#cursors.get(stream);
    if (cursor === undefined) return;
    cursor.position = id;
    if (this.#waiters.length > 0) this.#wake();
  }

  /** Entries before the position were trimmed away, and how many of how many publishers cannot be told: they are not counted anew. */
  holed(stream: string): void {
    const cursor = this.#cursors.get(stream);
    if (cursor) cursor.ordinal = undefined;
  }

  /** Resolves once the position has reached `id`; rejects when `signal` is aborted before. */
  reached(stream: string, id: string, signal: AbortSignal): Promise<void> {
    if (comparePositions(this.position(stream), id) >= 0) return Promise.resolve();
    if (this.#stopped) return Promise.reject(new AdapterClosedError('The adapter was closed.'));
    return new Promise((resolve, reject) => {
      const waiter = {
        stream,
        id,
        resolve: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        reject(toError(signal.reason));
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiters.push(waiter);
    });
  }

  /** Nothing of the stream has come for so long that what was published before is overdue, although the connection is there. */
  waitsInVain(stream: string): boolean {
    if (this.#mustVerify || this.connection.state !== 'ready') return false;
    return performance.now() - this.#cursors.get(stream)!.waitsSince > OVERDUE;
  }

  /** The positions are still to be compared with the streams. */
  get suspicious(): boolean {
    return this.#mustVerify;
  }

  /** Something does not fit: compares the positions with the streams before the next read. */
  suspect(): void {
    if (this.#mustVerify || this.#stopped) return;
    this.#mustVerify = true;
    // a read that waits for entries which come in behind its back would wait on
    this.connection.interrupt();
  }

  /** Stops reading. The caller closes the connection, which ends a read that is blocked. */
  stop(): void {
    this.#stopped = true;
  }

  #waitFromNow(): void {
    for (const cursor of this.#cursors.values()) cursor.waitsSince = performance.now();
  }

  async #run(): Promise<void> {
    let next: Promise<unknown> | undefined;
    while (!this.#stopped) {
      try {
        if (next === undefined) {
          await this.connection.whenReady();
          if (this.#mustVerify) await this.#verify();
          // entries that come all the time come together in this one
          if (this.#paced - performance.now() > BURST * LEAST_INTERVAL) await pause(LEAST_INTERVAL);
          next = this.#read();
        }
        const reply = await next;
        next = undefined;
        this.#failures = 0;
        const batches = this.#receive(reply);
        const due = this.#isDue(batches.length === 0);
        // where there is more, the next read is under way while this one is worked on
        const more = batches.some(([, entries]) => entries.length >= this.options.readCount);
        if (more && !due && !this.#stopped && !this.#mustVerify) next = quiet(this.#read());
        for (const [stream, entries] of batches) {
          await this.listener.onEntries(stream, entries);
          this.#cursors.get(stream)!.waitsSince = performance.now();
        }
        // not before: nothing is suspicious about what came
        if (due) this.#mustVerify = true;
      } catch {
        next = undefined;
        if (this.#stopped || this.connection.state === 'closed') break;
        for (const stream of this.options.streams) this.telemetry.poll(stream, 'error');
        this.#mustVerify = true;
        // A lost connection says when it is back; everything else (NOPERM, LOADING, WRONGTYPE …) is tried again, ever more slowly.
        if (this.connection.state === 'ready') await pause(reconnectDelay(this.#failures++));
      }
    }
  }

  /** Whether the positions are to be compared: a stream that began anew behind one says nothing, and trimming goes on behind the others. */
  #isDue(nothingCame: boolean): boolean {
    const interval = this.options.blockTimeInMs * (nothingCame ? QUIET_READS : 1);
    return performance.now() - this.#verified >= interval;
  }

  /** See https://redis.io/docs/latest/commands/xread/ */
  #read(): Promise<unknown> {
    const now = performance.now();
    this.#paced = Math.min(Math.max(this.#paced, now), now + BURST * LEAST_INTERVAL) + LEAST_INTERVAL;
    const { streams, readCount, blockTimeInMs } = this.options;
    const command = [
      'XREAD',
      'COUNT',
      String(readCount),
      'BLOCK',
      String(blockTimeInMs),
      'STREAMS',
      ...streams,
      ...streams.map((stream) => this.#cursors.get(stream)!.received),
    ];
    return this.#unlessRefused('XREAD', this.connection.sendForBuffers(command));
  }

  async #unlessRefused<T>(command: 'XREAD' | 'XINFO', reply: Promise<T>): Promise<T> {
    try {
      return await reply;
    } catch (error) {
      const reason = refusalIn(error);
      if (reason !== undefined) this.listener.onRefused(command, reason);
      throw error;
    }
  }

  /** Notes how far a reply goes, and tells the telemetry of it. */
  #receive(reply: unknown): Array<[stream: string, entries: RawEntry[]]> {
    const batches = ((reply ?? []) as Array<[Buffer, RawEntry[]]>).map(([stream, entries]): [string, RawEntry[]] => [
      stream.toString(),
      entries,
    ]);
    for (const [stream, entries] of batches) {
      const cursor = this.#cursors.get(stream)!;
      // not for as long as these are being handed on
      cursor.waitsSince = Number.POSITIVE_INFINITY;
      cursor.received = entries.at(-1)![0].toString('latin1');
      if (cursor.ordinal !== undefined) cursor.ordinal += entries.length;
      this.telemetry.poll(stream, 'messages');
    }
    if (batches.length === 0) for (const stream of this.options.streams) this.telemetry.poll(stream, 'empty');
    return batches;
  }

  /** Compares each position with what the stream holds, after anything that could have moved them apart. */
  async #verify(): Promise<void> {
    for (const [stream, cursor] of this.#cursors) {
      const info = await this.#unlessRefused('XINFO', streamInfo(this.connection, stream));
      this.#checkReset(stream, cursor, info);
      if (info === undefined) continue;
      this.#checkGap(stream, cursor, info);
      this.listener.onInfo(stream, info);
    }
    this.#verified = performance.now();
    this.#mustVerify = false;
  }

  #checkReset(stream: string, cursor: Cursor, info: StreamInfo | undefined): void {
    // what was received before the connection broke is handed on by now
    const last = info?.lastGeneratedId ?? FIRST_POSITION;
    const shrunk = (info?.entriesAdded ?? 0) < (cursor.ordinal ?? 0) && info?.entriesAdded !== undefined;
    if (comparePositions(last, cursor.received) >= 0 && !shrunk) return;
    const lost = cursor.received;
    const older = info !== undefined && holds(info, cursor.start);
    if (!older) cursor.start = { position: FIRST_POSITION, ordinal: 0 };
    cursor.position = cursor.received = cursor.start.position;
    cursor.ordinal = info ? beginningOf(info, cursor.start) : 0;
    this.listener.onReset(stream, lost, last, older);
  }

  #checkGap(stream: string, cursor: Cursor, info: StreamInfo): void {
    if (info.entriesAdded === undefined) return;
    if (info.lastGeneratedId === cursor.received) cursor.ordinal = info.entriesAdded;
    if (cursor.ordinal === undefined) return;
    const trimmed = info.entriesAdded - info.length;
    const missed = trimmed - cursor.ordinal;
    if (missed <= 0) return;
    const from = cursor.received;
    cursor.ordinal = trimmed;
    this.listener.onGap(stream, from, info.firstEntryId ?? info.lastGeneratedId, missed);
  }

  #wake(): void {
    this.#waiters = this.#waiters.filter((waiter) => {
      if (comparePositions(this.position(waiter.stream), waiter.id) < 0) return true;
      waiter.resolve();
      return false;
    });
  }
}

/**
 * Whether the place is one of this stream: a stream that was deleted has added fewer entries since, or has no entry from before the place
 * although it has trimmed none away.
 */
function holds(
  { lastGeneratedId, firstEntryId, entriesAdded, length }: StreamInfo,
  { position, ordinal }: Place,
): boolean {
  // the beginning is a place of every stream
  if (entriesAdded === undefined || ordinal === undefined || ordinal === 0) return false;
  if (entriesAdded < ordinal || comparePositions(lastGeneratedId, position) < 0) return false;
  const trimmed = entriesAdded - length;
  return trimmed >= ordinal || (firstEntryId !== undefined && comparePositions(firstEntryId, position) <= 0);
}

/** The ordinal of the place, or that before the first entry which the stream still holds, if it lies behind. */
function beginningOf({ entriesAdded, length }: StreamInfo, { ordinal }: Place): number | undefined {
  return entriesAdded === undefined ? undefined : Math.max(entriesAdded - length, ordinal ?? 0);
}

/** The same promise; its rejection is dealt with when it is awaited, later. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
