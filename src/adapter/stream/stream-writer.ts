import type { RedisConnection } from '../redis/driver.js';
import type { TelemetryPort } from '../telemetry-port.js';
import type { EncodedMessage } from '../wire/entry-codec.js';
import { pushEntry } from '../wire/entry.js';
import { typeName } from '../wire/message.js';
import { Outbox, type Settled } from './outbox.js';
import type { Retention } from './trimming.js';

export interface StreamWriterOptions extends Retention {
  /** Numbers the entries; nobody else uses the id. */
  publisher: string;
  streamName: string;
  streamCount: number;
  outboxMaxLen: number;
  outboxMaxBytes: number;
}

export interface StreamWriterListener {
  /** Entry `seq` of this publisher is in the stream under `id`. */
  onPublished(stream: string, seq: number, id: string): void;
  /** A message was dropped, because the outbox is full. */
  onOverflow(limit: 'outboxMaxLen' | 'outboxMaxBytes'): void;
}

/** What an entry takes beyond its data, roughly, in bytes. */
const ENTRY_OVERHEAD = 300;

/** What one publisher adds to the cluster's log. */
export class StreamWriter {
  readonly streams: readonly string[];
  readonly #outboxes = new Map<string, Outbox>();

  constructor(
    connection: RedisConnection,
    private readonly options: StreamWriterOptions,
    private readonly telemetry: TelemetryPort,
    listener: StreamWriterListener,
  ) {
    this.streams = streamNames(options);
    for (const stream of this.streams) {
      const outbox = new Outbox(connection.forKey(stream), { ...options, stream }, telemetry, {
        onPublished: (seq, id) => listener.onPublished(stream, seq, id),
        onOverflow: (limit) => {
          telemetry.dropped(stream, 'outbox_full', 1);
          listener.onOverflow(limit);
        },
      });
      this.#outboxes.set(stream, outbox);
    }
  }

  /** Publishes what was added so far, and everything from now on. */
  start(): void {
    for (const outbox of this.#outboxes.values()) outbox.start();
  }

  /** The stream that carries a namespace. */
  streamOf(namespace: string): string {
    return this.streams.length === 1 ? this.streams[0]! : this.streams[hash(namespace) % this.streams.length]!;
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

  /**
   * Publishes a message, in the order of the calls. `onSettled` is told the id of its entry, or why there is none.
   *
   * @param uid the node, or `emitter`.
   */
  publish(uid: string, namespace: string, message: EncodedMessage, roomCount: number, onSettled?: Settled): void {
    const stream = this.streamOf(namespace);
    const outbox = this.#outboxes.get(stream)!;
    const telemetry = this.telemetry.publish({
      stream,
      namespace,
      type: typeName(message.type, message.requestId !== undefined),
      roomCount,
      deferred: outbox.deferring,
    });
    const { publisher } = this.options;
    outbox.add(
      message.data.length + ENTRY_OVERHEAD,
      (command, seq) => pushEntry(command, { uid, publisher, namespace, seq }, message, telemetry.carrier),
      telemetry,
      onSettled,
    );
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

/** Every stream that the namespaces are spread over. */
export function streamNames({ streamName, streamCount }: { streamName: string; streamCount: number }): string[] {
  return streamCount === 1 ? [streamName] : Array.from({ length: streamCount }, (_, i) => `${streamName}-${i}`);
}

/** The hash of the peer package, but never negative, which would name a stream that nobody reads. */
function hash(text: string): number {
  let value = 0;
  for (let i = 0; i < text.length; i++) value = (value * 31 + text.charCodeAt(i)) | 0;
  return Math.abs(value);
}
