import type { RedisConnection } from '../redis/driver.js';
import type { TelemetryPort } from '../telemetry-port.js';
import { FIRST_POSITION } from './stream-id.js';
import { StreamReader, type ReaderListener, type ReaderOptions } from './reader.js';

/** Reads streams: with one XREAD those that one command may name together, and beside it those of a cluster that are elsewhere. */
export class StreamReaders {
  readonly #readers = new Map<string, StreamReader>();

  constructor(connection: RedisConnection, options: ReaderOptions, telemetry: TelemetryPort, listener: ReaderListener) {
    const groups = new Map<RedisConnection, string[]>();
    for (const stream of options.streams) {
      const part = connection.forKey(stream);
      groups.set(part, [...(groups.get(part) ?? []), stream]);
    }
    for (const [part, streams] of groups) {
      const reader = new StreamReader(part, { ...options, streams }, telemetry, listener);
      for (const stream of streams) this.#readers.set(stream, reader);
    }
  }

  /** The reader of a stream; `undefined` when it is none of those that are read. */
  of(stream: string): StreamReader | undefined {
    return this.#readers.get(stream);
  }

  /** See {@link StreamReader.position}. */
  position(stream: string): string {
    return this.of(stream)?.position(stream) ?? FIRST_POSITION;
  }

  /** See {@link StreamReader.locate}. */
  async locate(): Promise<void> {
    await Promise.all(this.#all().map((reader) => reader.locate()));
  }

  start(): void {
    for (const reader of this.#all()) reader.start();
  }

  stop(): void {
    for (const reader of this.#all()) reader.stop();
  }

  #all(): StreamReader[] {
    return [...new Set(this.#readers.values())];
  }
}
