import { AdapterClosedError, MessageTooLargeError, OutboxFullError, toError } from '../errors.js';
import { PartialTransactionError, reconnectDelay, type RedisConnection } from '../redis/driver.js';
import { isTooLarge, refusalIn } from '../redis/refusal.js';
import type { PublishTelemetry, TelemetryPort } from '../telemetry-port.js';
import { pause } from '../timers.js';
import { pushEntry } from '../wire/entry.js';
import type { OutgoingMessage } from '../wire/message.js';
import { Batch, type Sealed } from './batch.js';
import { groups, sizeOf } from './groups.js';
import { positionAt } from './stream-id.js';
import { Trimming, type Retention } from './trimming.js';

export interface OutboxOptions extends Retention {
  stream: string;
  /** The node; `emitter` for a process without a Server. */
  uid: string;
  /** Numbers the messages; nobody else uses the id. */
  publisher: string;
  /** Nodes of the peer package read the stream: they know entries of one message only. */
  interop: boolean;
  outboxMaxLen: number;
  outboxMaxBytes: number;
}

export interface OutboxListener {
  /** Message `seq` of this publisher is in the stream, as the last of `count` in entry `id`. */
  onPublished(seq: number, id: string, count: number): void;
  /** The message was dropped, because the outbox is full. */
  onOverflow(limit: 'outboxMaxLen' | 'outboxMaxBytes'): void;
  /** The message was dropped, because Redis takes none as large. */
  onTooLarge(reason: string): void;
  /** Redis refuses what is under way, which is tried again. */
  onRefused(reason: string): void;
}

/** Told what became of a message: its id, or why there is none. */
export type Settled = (error: Error | undefined, id: string | undefined) => void;

interface Pending {
  message: OutgoingMessage;
  telemetry: PublishTelemetry;
  onSettled: Settled | undefined;
  /** Redis was away when it was added. */
  deferred: boolean;
}

/**
 * What is to be added to one stream, in order.
 *
 * One batch is under way at a time, and what collects meanwhile becomes the next one. Messages that wait together share an entry, which
 * costs Redis and every reader little more than one message. A batch of several entries is a transaction, so it is added as a whole:
 * whether the reply was lost or Redis refused it, sending it again from its first entry keeps the order, and readers drop the repetition
 * by its numbers. A message that Redis does not take for its size is given up, as nothing behind it would ever be published.
 */
export class Outbox {
  readonly #trimming: Trimming;
  readonly #xadd: readonly string[];
  #queue: Pending[] = [];
  readonly #batch: Batch<Pending>;
  #bytes = 0;
  #lastId: string | undefined;
  #started = false;
  #sending = false;
  #closed = false;
  #failures = 0;
  /** Messages of the batch have waited for Redis, or it has failed before. */
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
    this.#batch = new Batch((seq, messages) => this.#commandOf(seq, messages));
    connection.on('ready', () => {
      this.#trimming.forget();
      telemetry.background(() => void this.#resume());
    });
  }

  /** Messages that wait, those under way included. */
  get size(): number {
    return this.#queue.length + this.#batch.size;
  }

  /** From 0 to 1: by number or by bytes, whichever is more. */
  get fill(): number {
    return Math.max(this.size / this.options.outboxMaxLen, this.#bytes / this.options.outboxMaxBytes);
  }

  /** The number of the last message that was given one, and the id of the last entry that is known to be in the stream. */
  get last(): { seq: number; id: string | undefined } {
    return { seq: this.#batch.lastSeq, id: this.#lastId };
  }

  /** Whether a message added now has to wait. */
  get deferring(): boolean {
    return !this.#started || this.connection.state !== 'ready';
  }

  /** Sends what was added so far, and everything from now on. */
  start(): void {
    this.#started = true;
    this.telemetry.background(() => void this.#resume());
  }

  /** Adds a message. When there is no room, `onSettled` is told so with an {@link OutboxFullError}. */
  add(message: OutgoingMessage, telemetry: PublishTelemetry, onSettled?: Settled): void {
    const bytes = sizeOf(message);
    const refusal = this.#refusal(bytes);
    if (refusal !== undefined) {
      telemetry.failed(refusal);
      onSettled?.(refusal, undefined);
      return;
    }
    telemetry.accepted();
    this.#queue.push({ message, telemetry, onSettled, deferred: this.deferring });
    this.#bytes += bytes;
    if (this.#sending) return;
    this.#sending = true;
    // what is emitted in the same turn goes in the same batch
    queueMicrotask(() => this.telemetry.background(() => void this.#run()));
  }

  /** See {@link Trimming.passed}. */
  passed(id: string, messages: number): void {
    this.#trimming.passed(id, messages);
  }

  /** Resolves when nothing waits any more. */
  drained(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  /** Takes no more messages, and rejects those that still wait. */
  close(): void {
    this.#closed = true;
    const error = new AdapterClosedError(
      `The adapter was closed while the message waited for Redis in the outbox of stream '${this.options.stream}'.`,
    );
    const waiting = [...this.#batch.messages, ...this.#queue];
    this.#batch.clear();
    this.#queue = [];
    this.#bytes = 0;
    for (const { telemetry, onSettled } of waiting) {
      telemetry.failed(error);
      onSettled?.(error, undefined);
    }
    this.#settleDrained();
  }

  #refusal(bytes: number): Error | undefined {
    if (this.#closed) return new AdapterClosedError('Cannot publish: the adapter was closed.');
    const { stream, outboxMaxLen, outboxMaxBytes } = this.options;
    const full = this.size >= outboxMaxLen;
    if (!full && this.#bytes + bytes <= outboxMaxBytes) return undefined;
    const limit = full ? 'outboxMaxLen' : 'outboxMaxBytes';
    this.listener.onOverflow(limit);
    return new OutboxFullError(
      `Cannot publish to stream '${stream}': the outbox is full (\`${limit}\` is ${this.options[limit]}, ${this.size} messages ` +
        'wait). Make sure that Redis can be reached, or raise the limit.',
      limit,
    );
  }

  async #resume(): Promise<void> {
    if (this.#sending || this.#closed || this.size === 0) return;
    this.#sending = true;
    await this.#run();
  }

  async #run(): Promise<void> {
    while (this.size > 0 && !this.deferring) {
      if (this.#batch.size === 0) this.#seal();
      const batch = this.#batch.next;
      const waited = this.#waited
        ? batch.flatMap(({ messages }) => messages.map(({ telemetry }) => telemetry))
        : undefined;
      const write = this.telemetry.write(this.options.stream, waited);
      try {
        const ids = await this.#send(batch);
        write.end();
        // those who wait have been told otherwise
        if (this.#closed) break;
        this.#failures = 0;
        this.#settle(batch, ids);
      } catch (error) {
        write.end(error);
        if (this.#closed) break;
        this.#onFailed(toError(error));
        // The connection was lost, in which case it says when it is back; or Redis refuses for now (OOM, LOADING, READONLY, NOPERM …).
        this.#waited = true;
        if (this.connection.state === 'ready') await pause(reconnectDelay(this.#failures++));
      }
    }
    this.#sending = false;
  }

  /** Makes the next batch of what waits longest. */
  #seal(): void {
    this.#waited = false;
    for (const group of groups(this.#queue, this.options.interop)) {
      this.#waited ||= group.some(({ deferred }) => deferred);
      this.#batch.add(group);
    }
    this.#queue.splice(0, this.#batch.size);
  }

  #commandOf(seq: number, messages: readonly Pending[]): string[] {
    const { uid, publisher } = this.options;
    const command = [...this.#xadd];
    pushEntry(
      command,
      { uid, publisher, seq },
      messages.map(({ message }) => message),
    );
    return command;
  }

  async #send(batch: ReadonlyArray<Sealed<Pending>>): Promise<string[]> {
    const commands = batch.map(({ command }) => {
      this.#trimming.refresh(command);
      return command;
    });
    const ids =
      commands.length === 1 ? [await this.connection.send(commands[0]!)] : await this.connection.transaction(commands);
    return ids as string[];
  }

  #settle(batch: ReadonlyArray<Sealed<Pending>>, ids: readonly string[]): void {
    this.#batch.arrived(batch.length);
    batch.forEach(({ seq, messages }, entry) => {
      const entryId = ids[entry]!;
      this.#lastId = entryId;
      this.listener.onPublished(seq, entryId, messages.length);
      messages.forEach(({ message, telemetry, onSettled }, index) => {
        const id = positionAt(entryId, index, messages.length);
        this.#bytes -= sizeOf(message);
        telemetry.published(id);
        onSettled?.(undefined, id);
      });
    });
    this.#trimming.added(ids.at(-1)!);
    if (this.size === 0) this.#settleDrained();
  }

  #onFailed(error: Error): void {
    const reason = refusalIn(error);
    if (reason === undefined) {
      this.#batch.lost();
      return;
    }
    if (!isTooLarge(reason)) {
      this.listener.onRefused(reason);
      return;
    }
    if (error instanceof PartialTransactionError) this.#batch.doubt();
    const given = this.#batch.tooLarge();
    if (given !== undefined) this.#giveUp(given, reason);
  }

  #giveUp({ message, telemetry, onSettled }: Pending, reason: string): void {
    this.#failures = 0;
    this.#bytes -= sizeOf(message);
    this.listener.onTooLarge(reason);
    const error = new MessageTooLargeError(
      `Cannot publish to stream '${this.options.stream}': Redis takes no message of ${Buffer.byteLength(message.data)} bytes (${reason}). ` +
        'Make sure that it is smaller, or raise the limit of Redis (`proto-max-bulk-len`) or of its service.',
    );
    telemetry.failed(error);
    onSettled?.(error, undefined);
    if (this.size === 0) this.#settleDrained();
  }

  #settleDrained(): void {
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}
