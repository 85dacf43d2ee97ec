import { setImmediate as immediate } from 'node:timers/promises';
import { MessageType } from 'socket.io-adapter';
import { faultOf, MalformedDataError } from '../errors.js';
import type { RedisConnection } from '../redis/driver.js';
import type { ReceiveTelemetry, TelemetryPort } from '../telemetry-port.js';
import { readEntry } from '../wire/entry.js';
import { EMITTER, type EncodedMessage, type StreamEntry, type StreamMessage } from '../wire/message.js';
import { Deduplicator, type Loss } from './deduplicator.js';
import type { Settled } from './outbox.js';
import { encodePositions, type Positions } from './positions.js';
import { publishersBefore } from './publishers.js';
import type { RawEntry } from './reader.js';
import { StreamReaders } from './readers.js';
import { RecentEntries } from './recent-entries.js';
import { Repetitions, type IsRepetition } from './repetitions.js';
import type { Layout, Routing } from './routing.js';
import { comparePositions, laterPosition } from './stream-id.js';
import type { StreamInfo } from './stream-info.js';
import { StreamWriter } from './stream-writer.js';
import type { Retention } from './trimming.js';

export interface StreamLogOptions extends Retention, Layout {
  uid: string;
  readCount: number;
  blockTimeInMs: number;
  outboxMaxLen: number;
  outboxMaxBytes: number;
  interop: boolean;
  /** 0 where nobody restores sessions. */
  recentMaxBytes: number;
}

export interface StreamLogListener {
  /** Delivers a message, and returns how many local sockets it was written to, where that applies. May throw. */
  onMessage(message: StreamMessage): number | undefined;
  /** A message could not be delivered, or an entry not be read. */
  onFailed(reason: 'decode_error' | 'handler_error', error: unknown): void;
  /** A node of the peer package has published something, and cannot read all that this one publishes. */
  onPeer(): void;
  onGap(stream: string, from: string, to: string, missed: number): void;
  onReset(stream: string, position: string): void;
  onOverflow(limit: 'outboxMaxLen' | 'outboxMaxBytes'): void;
  /** A message was dropped, because Redis takes none as large. */
  onTooLarge(reason: string): void;
  /** Redis refuses to take what is published, to be read, or to be asked for a stream; it is tried again. */
  onRefused(command: 'XADD' | 'XREAD' | 'XINFO', reason: string): void;
  /** Now and then: what Redis says of a stream. */
  onInfo?(stream: string, info: StreamInfo): void;
}

/** A stream that is read along with those of the log, and is no part of it. */
export interface SideStream {
  readonly name: string;
  /** Must not throw. */
  onEntries(entries: readonly RawEntry[]): void;
  /** See {@link ReaderListener.onReset}. */
  onReset(position: string, end: string, older: boolean): void;
}

/** Messages that are handed on without a pause, about. */
const AT_ONCE = 100;

/** The cluster's ordered log: what this node adds to it, and what it reads from it, its own entries included. */
export class StreamLog {
  readonly streams: readonly string[];
  readonly writer: StreamWriter;
  readonly #routing: Routing;
  readonly #duplicates = new Map<string, Deduplicator>();
  readonly #recent = new Map<string, RecentEntries>();
  readonly #repetitions = new Map<string, Repetitions>();
  /** Up to where a stream that is read once more was read before: what has no number is not new up to here. */
  readonly #readBefore = new Map<string, string>();
  readonly #readers: StreamReaders;
  #reading = false;
  #closed = false;

  constructor(
    private readonly commands: RedisConnection,
    private readonly reader: RedisConnection,
    private readonly options: StreamLogOptions,
    private readonly telemetry: TelemetryPort,
    private readonly listener: StreamLogListener,
    side?: SideStream,
  ) {
    this.writer = new StreamWriter(commands, { ...options, publisher: options.uid }, telemetry, {
      onPublished: (stream, seq, id) => this.#onPublished(stream, seq, id),
      onOverflow: (limit) => listener.onOverflow(limit),
      onTooLarge: (reason) => listener.onTooLarge(reason),
      onRefused: (reason) => listener.onRefused('XADD', reason),
    });
    this.#routing = this.writer.routing;
    this.streams = this.#routing.streams;
    const streams = side === undefined ? this.streams : [...this.streams, side.name];
    this.#readers = new StreamReaders(reader, { ...options, streams }, telemetry, {
      onEntries: (stream, entries) => {
        if (stream !== side?.name) return this.#onEntries(stream, entries);
        this.#onSideEntries(side, entries);
      },
      onGap: (stream, from, to, missed) => {
        // who was away for that long is not waited for any more
        if (stream === side?.name) return;
        // entries of all publishers, each of which holds a message at least
        this.#duplicates.get(stream)!.expectHoles(missed);
        this.#onGap(stream, from, to, missed);
      },
      onReset: (stream, position, end, older) => {
        if (stream === side?.name) return side.onReset(position, end, older);
        // What was delivered before is not remembered again when it is read anew, and may be nowhere any more: sessions from before are
        // restored from Redis, if it has everything since.
        this.#recent.get(stream)?.restart(laterPosition(end, position));
        this.#repetitions.get(stream)?.restart(laterPosition(end, position));
        this.#duplicates.get(stream)!.forgetHoles();
        if (comparePositions(end, position) >= 0) this.#readBefore.set(stream, position);
        else if (older) this.#readBefore.set(stream, end);
        else this.#readBefore.delete(stream);
        listener.onReset(stream, position);
      },
      onInfo: (stream, info) => {
        if (stream !== side?.name) listener.onInfo?.(stream, info);
      },
      onRefused: (command, reason) => listener.onRefused(command, reason),
    });
  }

  /** Finds the ends of the streams and reads on from there. */
  async start(): Promise<void> {
    if (this.#reading) return;
    await this.#readers.locate();
    const { maxLen = Number.POSITIVE_INFINITY, recentMaxBytes } = this.options;
    for (const stream of this.streams) {
      const position = this.#readers.position(stream);
      this.#duplicates.set(stream, new Deduplicator(await publishersBefore(this.reader, stream, position)));
      if (recentMaxBytes === 0) continue;
      this.#recent.set(stream, new RecentEntries(position, maxLen, recentMaxBytes));
      this.#repetitions.set(stream, new Repetitions(this.commands, stream, position));
    }
    this.#reading = true;
    this.#readers.start();
    // not before: what this node publishes has to lie ahead of where it reads
    this.writer.start();
  }

  /** See {@link Routing.streamOf}. */
  streamOf(namespace: string, rooms?: readonly string[]): string {
    return this.#routing.streamOf(namespace, rooms);
  }

  /** See {@link Routing.streamsOf}. */
  streamsOf(namespace: string): readonly string[] {
    return this.#routing.streamsOf(namespace);
  }

  /** The position in a stream up to which everything was delivered here. */
  position(stream: string): string {
    return this.#readers.position(stream);
  }

  /** The positions in all streams of a namespace. */
  positions(namespace: string): Positions {
    return this.streamsOf(namespace).map((stream) => this.position(stream));
  }

  /** The offset of a message that is being delivered: where a client is that has it, and everything that was delivered before. */
  offsetOf({ stream, id, namespace }: StreamMessage): string {
    if (!this.#routing.byRoom) return id;
    const streams = this.streamsOf(namespace);
    return encodePositions(streams.map((other) => (other === stream ? id : this.position(other))));
  }

  reached(stream: string, id: string, signal: AbortSignal): Promise<void> {
    return this.#readers.of(stream)!.reached(stream, id, signal);
  }

  recent(stream: string): RecentEntries | undefined {
    return this.#recent.get(stream);
  }

  /** See {@link Repetitions.since}. */
  repetitionsSince(stream: string, position: string, signal: AbortSignal): Promise<IsRepetition> {
    return this.#repetitions.get(stream)!.since(position, signal);
  }

  /** See {@link StreamWriter.publish}. */
  publish(namespace: string, message: EncodedMessage, rooms: readonly string[], onSettled?: Settled): void {
    this.writer.publish(namespace, message, rooms, onSettled);
  }

  /**
   * Another node has published message `seq`, the last of entry `id`. When we are past that id without having seen it, or wait for entries without
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
    this.#closed = true;
    this.#readers.stop();
    this.writer.close();
  }

  #onPublished(stream: string, seq: number, id: string): void {
    // Our own entry, which we have not read, lies behind us: the stream began anew.
    const unseen = (this.#duplicates.get(stream)?.last(this.options.uid) ?? 0) < seq;
    if (unseen && comparePositions(id, this.#readers.position(stream)) <= 0) this.#readers.of(stream)?.suspect();
  }

  /** Messages between `from` and `to` are lost. Memory is continuous from `resume` on. */
  #onGap(stream: string, from: string, to: string, missed: number, resume = to): void {
    this.telemetry.dropped(stream, 'gap', missed);
    this.#recent.get(stream)?.restart(resume);
    this.listener.onGap(stream, from, to, missed);
  }

  /** Messages were come upon that never arrived here. */
  #onLoss(stream: string, { missed, told }: Loss, from: string, to: string, resume = to): void {
    if (missed === 0) return;
    if (!told) return this.#onGap(stream, from, to, missed, resume);
    // that entries of the gap had held several messages shows only now, or that more were trimmed before they were read
    this.telemetry.dropped(stream, 'gap', missed);
    this.#recent.get(stream)?.restart(resume);
  }

  /** It was acknowledged, and did not outlive a failover of Redis. */
  #writeOff(stream: string, publisher: string, seq: number, id: string): void {
    const loss = this.#duplicates.get(stream)!.writeOff(publisher, seq);
    const position = this.#readers.position(stream);
    this.#onLoss(stream, loss, position, laterPosition(position, id), position);
  }

  /** Hands on entries a few at a time: however many messages a reply holds, the process stays responsive. */
  async #onEntries(stream: string, raw: readonly RawEntry[]): Promise<void> {
    let entries: StreamEntry[] = [];
    let messages = 0;
    if (this.#closed) return;
    for (const [id, fields] of raw) {
      if (messages >= AT_ONCE) {
        this.#handOn(stream, entries);
        await immediate();
        if (this.#closed) return;
        entries = [];
        messages = 0;
      }
      const entry = readEntry(stream, id.toString('latin1'), fields);
      if (entry === undefined) {
        this.#skip(stream);
        continue;
      }
      entries.push(entry);
      messages += entry.messages.length;
    }
    this.#handOn(stream, entries);
    // the last ones may have been skipped
    this.#readers.of(stream)!.advance(stream, raw.at(-1)![0].toString('latin1'));
  }

  #handOn(stream: string, entries: readonly StreamEntry[]): void {
    const reader = this.#readers.of(stream)!;
    const messages = entries.length === 1 ? entries[0]!.messages : entries.flatMap((entry) => entry.messages);
    const { uid, interop } = this.options;
    for (const entry of entries) {
      if (!interop && entry.seq === undefined && entry.publisher !== EMITTER) this.listener.onPeer();
      if (entry.publisher !== uid) continue;
      for (const message of entry.messages) message.own = true;
    }
    const received = this.telemetry.receive(stream, messages);
    for (const entry of entries) {
      const isNew = this.#isNew(stream, entry);
      // what was read before a connection broke may be of another Redis than what is added now
      if (!reader.suspicious) this.writer.passed(stream, entry.id, isNew ? entry.messages.length : 0);
      if (isNew) {
        for (const message of entry.messages) {
          this.#deliver(message, received);
          reader.advance(stream, message.id);
        }
      }
      reader.advance(stream, entry.id);
    }
    received.end();
  }

  #onSideEntries(side: SideStream, entries: readonly RawEntry[]): void {
    side.onEntries(entries);
    this.#readers.of(side.name)!.advance(side.name, entries.at(-1)![0].toString('latin1'));
  }

  #deliver(message: StreamMessage, received: ReceiveTelemetry): void {
    if (mayBeMissed(message)) this.#recent.get(message.stream)?.add(message);
    try {
      received.process(message, () => this.listener.onMessage(message));
    } catch (error) {
      const reason = faultOf(error);
      this.telemetry.dropped(message.stream, reason, 1);
      this.listener.onFailed(reason, error);
    }
  }

  #skip(stream: string): void {
    this.telemetry.dropped(stream, 'decode_error', 1);
    // without the id: what happens again and again is told of once a minute, by its reason
    const reason = `an entry of the stream '${stream}' lacks a field, or has one that is malformed`;
    this.listener.onFailed('decode_error', new MalformedDataError(reason));
  }

  #isNew(stream: string, { id, publisher, seq, messages }: StreamEntry): boolean {
    if (seq === undefined) {
      const readBefore = this.#readBefore.get(stream);
      return readBefore === undefined || comparePositions(id, readBefore) > 0;
    }
    const arrival = this.#duplicates.get(stream)!.arrive(publisher, seq, messages.length);
    if (arrival.duplicate) {
      this.#repetitions.get(stream)?.add(id);
      for (let i = 0; i < messages.length; i++) this.telemetry.duplicate(stream);
      return false;
    }
    if (arrival.missed > 0 && !arrival.told) this.#readers.of(stream)!.holed(stream);
    // Trimmed away before we came to read them; the position before this entry is where they were.
    this.#onLoss(stream, arrival, this.#readers.position(stream), id);
    return true;
  }
}

/** Whether a client that comes back may have missed it: a packet with acknowledgement cannot be sent again later. */
function mayBeMissed({ messageType, requestId }: StreamMessage): boolean {
  return messageType === Number(MessageType.BROADCAST) && requestId === undefined;
}
