import { AdapterClosedError, OutboxFullError } from '../errors.js';
import { reconnectDelay, type RedisConnection } from '../redis/driver.js';
import type { PublishTelemetry, TelemetryPort } from '../telemetry-port.js';
import { pause } from '../timers.js';
import { Trimming, type Retention } from './trimming.js';

export interface OutboxOptions extends Retention {
  stream: string;
  outboxMaxLen: number;
  outboxMaxBytes: number;
}

export interface OutboxListener {
  /** Entry `seq` of this publisher is in the stream under `id`. */
  onPublished(seq: number, id: string): void;
  /** The message was dropped, because the outbox is full. */
  onOverflow(limit: 'outboxMaxLen' | 'outboxMaxBytes'): void;
}

/** Told what became of a message: the id of its entry, or why there is none. */
export type Settled = (error: Error | undefined, id: string | undefined) => void;

interface Pending {
  seq: number;
  command: string[];
  bytes: number;
  telemetry: PublishTelemetry;
  onSettled: Settled | undefined;
}

/** Most messages, and bytes, of one round trip. */
const BATCH_LENGTH = 128;
const BATCH_BYTES = 1_048_576;

/** A Redis that leaves a batch unanswered this long, in milliseconds, is given up, and the batch sent again. */
const REPLY_TIMEOUT = 10_000;

/**
 * What is to be added to one stream, in order.
 *
 * One batch is under way at a time, and what collects meanwhile becomes the next one. A batch of several messages is a transaction,
 * so it is added as a whole: whether the reply was lost or Redis refused it, sending it again from its first message keeps the order,
 * and readers drop the repetition by its numbers.
 */
export class Outbox {
  readonly #trimming: Trimming;
  readonly #xadd: readonly string[];
  #queue: Pending[] = [];
  #bytes = 0;
  #lastSeq = 0;
  #lastId: string | undefined;
  #started = false;
  #sending = false;
  #closed = false;
  #failures = 0;
  /** Messages have waited for Redis: the next batch is a flush. */
  #waited = false;
  #drained: Array<() => void> = [];

  constructor(
    private readonly connection: RedisConnection,
    private readonly options: OutboxOptions,
    private readonly telemetry: TelemetryPort,
    private readonly listener: OutboxListener,
  ) {
    this.#trimming = new Trimming(options);
    this.#xadd = ['XADD', options.stream, ...this.#trimming.arguments(), '*'];
    connection.on('ready', () => {
      this.#trimming.forget();
      telemetry.background(() => void this.#send());
    });
  }

  /** Messages that wait, those under way included. */
  get size(): number {
    return this.#queue.length;
  }

  /** From 0 to 1: by number or by bytes, whichever is more. */
  get fill(): number {
    return Math.max(this.#queue.length / this.options.outboxMaxLen, this.#bytes / this.options.outboxMaxBytes);
  }

  /** The last number given, and the id of the last entry that is known to be in the stream. */
  get last(): { seq: number; id: string | undefined } {
    return { seq: this.#lastSeq, id: this.#lastId };
  }

  /** Whether a message added now has to wait. */
  get deferring(): boolean {
    return !this.#started || this.connection.state !== 'ready';
  }

  /** Sends what was added so far, and everything from now on. */
  start(): void {
    this.#started = true;
    this.telemetry.background(() => void this.#send());
  }

  /**
   * Adds a message. `pushFields` is given the number of its entry, and adds the fields to the command.
   *
   * When there is no room, `onSettled` is told so with an {@link OutboxFullError}, and nothing is numbered.
   */
  add(
    bytes: number,
    pushFields: (command: string[], seq: number) => void,
    telemetry: PublishTelemetry,
    onSettled?: Settled,
  ): void {
    const refusal = this.#refusal(bytes);
    if (refusal !== undefined) {
      telemetry.failed(refusal);
      onSettled?.(refusal, undefined);
      return;
    }
    const seq = ++this.#lastSeq;
    const command = [...this.#xadd];
    pushFields(command, seq);
    if (this.deferring) this.#waited = true;
    this.#queue.push({ seq, command, bytes, telemetry, onSettled });
    this.#bytes += bytes;
    if (this.#sending) return;
    this.#sending = true;
    // what is emitted in the same turn goes in the same batch
    queueMicrotask(() => this.telemetry.background(() => void this.#run()));
  }

  /** Resolves when nothing waits any more. */
  drained(): Promise<void> {
    if (this.#queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  /** Takes no more messages, and rejects those that still wait. */
  close(): void {
    this.#closed = true;
    const error = new AdapterClosedError(
      `The adapter was closed while the message waited for Redis in the outbox of stream '${this.options.stream}'.`,
    );
    for (const pending of this.#queue.splice(0)) {
      pending.telemetry.failed(error);
      pending.onSettled?.(error, undefined);
    }
    this.#bytes = 0;
    this.#settleDrained();
  }

  #refusal(bytes: number): Error | undefined {
    if (this.#closed) return new AdapterClosedError('Cannot publish: the adapter was closed.');
    const { stream, outboxMaxLen, outboxMaxBytes } = this.options;
    const full = this.#queue.length >= outboxMaxLen;
    if (!full && this.#bytes + bytes <= outboxMaxBytes) return undefined;
    const limit = full ? 'outboxMaxLen' : 'outboxMaxBytes';
    this.listener.onOverflow(limit);
    return new OutboxFullError(
      `Cannot publish to stream '${stream}': the outbox is full (\`${limit}\` is ${this.options[limit]}, ${this.#queue.length} messages ` +
        'wait). Make sure that Redis can be reached, or raise the limit.',
      limit,
    );
  }

  async #send(): Promise<void> {
    if (this.#sending || this.#closed || this.#queue.length === 0) return;
    this.#sending = true;
    await this.#run();
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0 && !this.deferring) {
      const batch = this.#nextBatch();
      const flush = this.#waited
        ? this.telemetry.flush(
            this.options.stream,
            batch.map((one) => one.telemetry),
          )
        : undefined;
      try {
        const ids = await this.#add(batch);
        flush?.end();
        // those who wait have been told otherwise
        if (this.#closed) break;
        this.#failures = 0;
        this.#settle(batch, ids);
      } catch (error) {
        flush?.end(error);
        if (this.#closed) break;
        // The connection was lost, in which case it says when it is back; or Redis refuses for now (OOM, LOADING, READONLY, NOPERM …).
        this.#waited = true;
        if (this.connection.state === 'ready') await pause(reconnectDelay(this.#failures++));
      }
    }
    if (this.#queue.length === 0) this.#waited = false;
    this.#sending = false;
  }

  #nextBatch(): Pending[] {
    let length = 0;
    let bytes = 0;
    while (length < this.#queue.length && length < BATCH_LENGTH && (length === 0 || bytes < BATCH_BYTES)) {
      bytes += this.#queue[length]!.bytes;
      length++;
    }
    return this.#queue.slice(0, length);
  }

  async #add(batch: readonly Pending[]): Promise<string[]> {
    const commands = batch.map(({ command, seq }) => {
      this.#trimming.refresh(command, seq);
      return command;
    });
    const watchdog = setTimeout(() => this.connection.interrupt(), REPLY_TIMEOUT);
    try {
      const ids =
        commands.length === 1
          ? [await this.connection.send(commands[0]!)]
          : await this.connection.transaction(commands);
      return ids as string[];
    } finally {
      clearTimeout(watchdog);
    }
  }

  #settle(batch: readonly Pending[], ids: readonly string[]): void {
    this.#queue.splice(0, batch.length);
    batch.forEach((pending, index) => {
      const id = ids[index]!;
      this.#bytes -= pending.bytes;
      this.#lastId = id;
      pending.telemetry.published(id);
      this.listener.onPublished(pending.seq, id);
      pending.onSettled?.(undefined, id);
    });
    this.#trimming.added(ids.at(-1)!);
    if (this.#queue.length === 0) this.#settleDrained();
  }

  #settleDrained(): void {
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}
