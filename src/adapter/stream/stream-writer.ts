import type { RedisConnection } from '../redis/driver.js';
import type { TelemetryPort } from '../telemetry-port.js';
import { typeName, type EncodedMessage } from '../wire/message.js';
import { Outbox, type OutboxOptions, type Settled } from './outbox.js';
import { Routing, type Layout } from './routing.js';

export type StreamWriterOptions = Omit<OutboxOptions, 'stream'> & Layout;

export interface StreamWriterListener {
  /** Message `seq` of this publisher is in the stream, as the last of `count` in entry `id`. */
  onPublished(stream: string, seq: number, id: string, count: number): void;
  /** A message was dropped, because the outbox is full. */
  onOverflow(limit: 'outboxMaxLen' | 'outboxMaxBytes'): void;
  /** A message was dropped, because Redis takes none as large. */
  onTooLarge(reason: string): void;
  /** Redis refuses what is under way, which is tried again. */
  onRefused(reason: string): void;
}

/** What one publisher adds to the cluster's log. */
export class StreamWriter {
  readonly routing: Routing;
  readonly #outboxes = new Map<string, Outbox>();

  constructor(
    connection: RedisConnection,
    options: StreamWriterOptions,
    private readonly telemetry: TelemetryPort,
    listener: StreamWriterListener,
  ) {
    this.routing = new Routing(options);
    for (const stream of this.routing.streams) {
      const outbox = new Outbox(connection.forKey(stream), { ...options, stream }, telemetry, {
        onPublished: (seq, id, count) => listener.onPublished(stream, seq, id, count),
        onOverflow: (limit) => {
          telemetry.dropped(stream, 'outbox_full', 1);
          listener.onOverflow(limit);
        },
        onTooLarge: (reason) => {
          telemetry.dropped(stream, 'too_large', 1);
          listener.onTooLarge(reason);
        },
        onRefused: (reason) => listener.onRefused(reason),
      });
      this.#outboxes.set(stream, outbox);
    }
  }

  /** Publishes what was added so far, and everything from now on. */
  start(): void {
    for (const outbox of this.#outboxes.values()) outbox.start();
  }

  /** Messages that wait for Redis. */
  get size(): number {
    let size = 0;
    for (const outbox of this.#outboxes.values()) size += outbox.size;
    return size;
  }

  /** How full the fullest outbox is, from 0 to 1. */
  get fill(): number {
    return Math.max(...[...this.#outboxes.values()].map((outbox) => outbox.fill));
  }

  /** Messages that wait to be added to `stream`. */
  sizeOf(stream: string): number {
    return this.#outboxes.get(stream)?.size ?? 0;
  }

  /** Publishes a message for these rooms, in the order of the calls. `onSettled` is told its id, or why there is none. */
  publish(namespace: string, message: EncodedMessage, rooms: readonly string[], onSettled?: Settled): void {
    const stream = this.routing.streamOf(namespace, rooms);
    const outbox = this.#outboxes.get(stream)!;
    const { type, data, optionsLength, requestId } = message;
    const telemetry = this.telemetry.publish({
      stream,
      namespace,
      type: typeName(type, requestId !== undefined),
      roomCount: rooms.length,
      deferred: outbox.deferring,
    });
    // what else the message holds is not kept until Redis has it
    const { carrier } = telemetry;
    outbox.add({ namespace, type, data, optionsLength, requestId, carrier }, telemetry, onSettled);
  }

  /** An entry of so many messages is known to be in `stream`, behind those before: by that, the stream is kept short. */
  passed(stream: string, id: string, messages: number): void {
    this.#outboxes.get(stream)!.passed(id, messages);
  }

  /** What was published last, for the nodes to compare with what they have read. */
  published(): Array<{ stream: string; seq: number; id: string }> {
    const published = [];
    for (const [stream, outbox] of this.#outboxes) {
      const { seq, id } = outbox.last;
      if (id !== undefined && outbox.size === 0) published.push({ stream, seq, id });
    }
    return published;
  }

  /** Resolves when everything that was published is in Redis. */
  async drained(): Promise<void> {
    await Promise.all([...this.#outboxes.values()].map((outbox) => outbox.drained()));
  }

  close(): void {
    for (const outbox of this.#outboxes.values()) outbox.close();
  }
}
