import { MessageType } from 'socket.io-adapter';
import type { RedisConnection } from '../redis/driver.js';
import type { ReceiveTelemetry, TelemetryPort } from '../telemetry-port.js';
import { readEntry } from '../wire/entry.js';
import type { EncodedMessage } from '../wire/entry-codec.js';
import type { StreamEntry } from '../wire/message.js';
import type { Deduplicator } from './deduplicator.js';
import type { Settled } from './outbox.js';
import { publishersBefore } from './publishers.js';
import type { RawEntry } from './reader.js';
import { StreamReaders } from './readers.js';
import { RecentEntries } from './recent-entries.js';
import { comparePositions, laterPosition } from './stream-id.js';
import type { StreamInfo } from './stream-info.js';
import { StreamWriter } from './stream-writer.js';
import type { Retention } from './trimming.js';

export interface StreamLogOptions extends Retention {
  uid: string;
  streamName: string;
  streamCount: number;
  readCount: number;
  blockTimeInMs: number;
  outboxMaxLen: number;
  outboxMaxBytes: number;
  /** 0 where nobody restores sessions. */
  recentMaxBytes: number;
}

export interface StreamLogListener {
  /** Delivers an entry, and returns how many local sockets it was written to, where that applies. May throw. */
  onEntry(entry: StreamEntry, own: boolean): number | undefined;
  /** The entry could not be delivered. */
  onEntryFailed(reason: 'decode_error' | 'handler_error', error: unknown): void;
  onGap(stream: string, from: string, to: string, missed: number): void;
  onReset(stream: string, position: string): void;
  onOverflow(limit: 'outboxMaxLen' | 'outboxMaxBytes'): void;
  /** Now and then: what Redis says of a stream. */
  onInfo?(stream: string, info: StreamInfo): void;
}

/** A stream that is read along with those of the log, and is no part of it. */
export interface SideStream {
  readonly name: string;
  /** Must not throw. */
  onEntries(entries: readonly RawEntry[]): void;
  /** See {@link ReaderListener.onReset}. */
  onReset(position: string, end: string): void;
}

/** The cluster's ordered log: what this node adds to it, and what it reads from it, its own entries included. */
export class StreamLog {
  readonly streams: readonly string[];
  readonly writer: StreamWriter;
  readonly #duplicates = new Map<string, Deduplicator>();
  readonly #recent = new Map<string, RecentEntries>();
  /** Where this node had got to when a stream began anew that was beyond that already: what has no number is not new up to here. */
  readonly #readBefore = new Map<string, string>();
  readonly #readers: StreamReaders;
  #reading = false;

  constructor(
    writerConnection: RedisConnection,
    private readonly reader: RedisConnection,
    private readonly options: StreamLogOptions,
    private readonly telemetry: TelemetryPort,
    private readonly listener: StreamLogListener,
    side?: SideStream,
  ) {
    this.writer = new StreamWriter(writerConnection, { ...options, publisher: options.uid }, telemetry, {
      onPublished: (stream, seq, id) => this.#onPublished(stream, seq, id),
      onOverflow: (limit) => listener.onOverflow(limit),
    });
    this.streams = this.writer.streams;
    const streams = side === undefined ? this.streams : [...this.streams, side.name];
    this.#readers = new StreamReaders(reader, { ...options, streams }, telemetry, {
      onEntries: (stream, entries) => {
        if (stream === side?.name) this.#onSideEntries(side, entries);
        else this.#onEntries(stream, entries);
      },
      onGap: (stream, from, to, missed) => {
        // who was away for that long is not waited for any more
        if (stream === side?.name) return;
        // those of all publishers are counted in it
        this.#duplicates.get(stream)!.expectHoles(missed);
        this.#onGap(stream, from, to, missed);
      },
      onReset: (stream, position, end) => {
        if (stream === side?.name) return side.onReset(position, end);
        // What was delivered before is not remembered again when it is read anew, and may be nowhere any more: sessions from before are
        // restored from Redis, if it has everything since.
        this.#recent.get(stream)?.restart(laterPosition(end, position));
        this.#duplicates.get(stream)!.forgetHoles();
        if (comparePositions(end, position) >= 0) this.#readBefore.set(stream, position);
        else this.#readBefore.delete(stream);
        listener.onReset(stream, position);
      },
      onInfo: (stream, info) => {
        if (stream !== side?.name) listener.onInfo?.(stream, info);
      },
    });
  }

  /** Finds the ends of the streams and reads on from there. */
  async start(): Promise<void> {
    if (this.#reading) return;
    await this.#readers.locate();
    const { maxLen = Number.POSITIVE_INFINITY, recentMaxBytes } = this.options;
    for (const stream of this.streams) {
      const position = this.#readers.position(stream);
      this.#duplicates.set(stream, await publishersBefore(this.reader, stream, position));
      if (recentMaxBytes > 0) this.#recent.set(stream, new RecentEntries(position, maxLen, recentMaxBytes));
    }
    this.#reading = true;
    this.#readers.start();
    // not before: what this node publishes has to lie ahead of where it reads
    this.writer.start();
  }

  /** The stream that carries a namespace. */
  streamOf(namespace: string): string {
    return this.writer.streamOf(namespace);
  }

  /** The last entry of the namespace's stream that was delivered here. */
  position(namespace: string): string {
    return this.positionOf(this.streamOf(namespace));
  }

  /** The last entry of a stream that was delivered here. */
  positionOf(stream: string): string {
    return this.#readers.position(stream);
  }

  reached(namespace: string, id: string, signal: AbortSignal): Promise<void> {
    const stream = this.streamOf(namespace);
    return this.#readers.of(stream)!.reached(stream, id, signal);
  }

  recent(namespace: string): RecentEntries | undefined {
    return this.#recent.get(this.streamOf(namespace));
  }

  /** See {@link StreamWriter.publish}. */
  publish(uid: string, namespace: string, message: EncodedMessage, roomCount: number, onSettled?: Settled): void {
    this.writer.publish(uid, namespace, message, roomCount, onSettled);
  }

  /**
   * Another node has published entry `seq` under `id`. When we are past that id without having seen it, or wait for entries without
   * any coming, something is wrong; and when that has been looked into, and it has still not come, it is lost.
   */
  compare(publisher: string, published: ReadonlyArray<{ stream: string; seq: number; id: string }>): void {
    for (const { stream, seq, id } of published) {
      const reader = this.#readers.of(stream);
      const duplicates = this.#duplicates.get(stream);
      if (reader === undefined || duplicates === undefined) continue;
      const passed = comparePositions(id, reader.position(stream)) <= 0;
      if (!passed && !reader.waitsInVain(stream)) continue;
      if (duplicates.misses(publisher, seq)) reader.suspect();
      else if (duplicates.stillMisses(publisher, seq) && !reader.suspicious) this.#writeOff(stream, publisher, seq, id);
    }
  }

  close(): void {
    this.#readers.stop();
    this.writer.close();
  }

  #onPublished(stream: string, seq: number, id: string): void {
    // Our own entry, which we have not read, lies behind us: the stream began anew.
    const unseen = (this.#duplicates.get(stream)?.last(this.options.uid) ?? 0) < seq;
    if (unseen && comparePositions(id, this.#readers.position(stream)) <= 0) this.#readers.of(stream)?.suspect();
  }

  #onGap(stream: string, from: string, to: string, missed: number): void {
    this.telemetry.dropped(stream, 'gap', missed);
    this.#recent.get(stream)?.restart(to);
    this.listener.onGap(stream, from, to, missed);
  }

  /** It was acknowledged, and did not outlive a failover of Redis. */
  #writeOff(stream: string, publisher: string, seq: number, id: string): void {
    const missed = this.#duplicates.get(stream)!.writeOff(publisher, seq);
    if (missed === 0) return;
    const position = this.#readers.position(stream);
    this.telemetry.dropped(stream, 'gap', missed);
    this.#recent.get(stream)?.restart(position);
    this.listener.onGap(stream, position, laterPosition(position, id), missed);
  }

  #onEntries(stream: string, raw: readonly RawEntry[]): void {
    const entries: StreamEntry[] = [];
    for (const [id, fields] of raw) {
      const entry = readEntry(stream, id.toString('latin1'), fields);
      if (entry === undefined) this.#skip(stream);
      else entries.push(entry);
    }
    const reader = this.#readers.of(stream)!;
    for (const entry of entries) entry.own = entry.publisher === this.options.uid;
    const received = this.telemetry.receive(stream, entries);
    for (const entry of entries) {
      if (this.#isNew(entry)) this.#deliver(entry, received);
      reader.advance(stream, entry.id);
    }
    received.end();
    // the last ones may have been skipped
    reader.advance(stream, raw.at(-1)![0].toString('latin1'));
  }

  #onSideEntries(side: SideStream, entries: readonly RawEntry[]): void {
    side.onEntries(entries);
    this.#readers.of(side.name)!.advance(side.name, entries.at(-1)![0].toString('latin1'));
  }

  #deliver(entry: StreamEntry, received: ReceiveTelemetry): void {
    if (mayBeMissed(entry)) this.#recent.get(entry.stream)?.add(entry);
    try {
      received.process(entry, () => this.listener.onEntry(entry, entry.own));
    } catch (error) {
      this.telemetry.dropped(entry.stream, 'handler_error', 1);
      this.listener.onEntryFailed('handler_error', error);
    }
  }

  #skip(stream: string): void {
    this.telemetry.dropped(stream, 'decode_error', 1);
    // without the id: what happens again and again is told of once a minute, by its reason
    const reason = `an entry of the stream '${stream}' lacks a field, or has one that is malformed`;
    this.listener.onEntryFailed('decode_error', new TypeError(reason));
  }

  #isNew(entry: StreamEntry): boolean {
    if (entry.seq === undefined) {
      const readBefore = this.#readBefore.get(entry.stream);
      return readBefore === undefined || comparePositions(entry.id, readBefore) > 0;
    }
    const arrival = this.#duplicates.get(entry.stream)!.arrive(entry.publisher, entry.seq);
    if (arrival.duplicate) {
      this.telemetry.duplicate(entry.stream);
      return false;
    }
    // Trimmed away before we came to read them; the position before this entry is where they were.
    if (arrival.missed > 0) {
      this.#readers.of(entry.stream)!.holed(entry.stream);
      this.#onGap(entry.stream, this.#readers.position(entry.stream), entry.id, arrival.missed);
    }
    return true;
  }
}

/** Whether a client that comes back may have missed it: a packet with acknowledgement cannot be sent again later. */
function mayBeMissed(entry: StreamEntry): boolean {
  return entry.messageType === Number(MessageType.BROADCAST) && entry.requestId === undefined;
}
