import type { TelemetrySource } from '../adapter/telemetry-port.js';
import { DYNAMIC_NAMESPACE } from './names.js';

/** The nodes of this process that are running: usually one, and one more for each further Server. */
export class Sources implements Iterable<TelemetrySource> {
  readonly #sources = new Set<TelemetrySource>();
  readonly #byStream = new Map<string, TelemetrySource>();

  get size(): number {
    return this.#sources.size;
  }

  [Symbol.iterator](): Iterator<TelemetrySource> {
    return this.#sources.values();
  }

  add(source: TelemetrySource): void {
    this.#sources.add(source);
    this.#index();
  }

  delete(source: TelemetrySource): void {
    this.#sources.delete(source);
    this.#index();
  }

  /** The namespace under a name that is one of few. */
  namespace(name: string): string {
    for (const source of this.#sources) {
      if (source.isDynamic(name)) {
        return DYNAMIC_NAMESPACE;
      }
    }
    return name;
  }

  /** Where the Redis of `destination` is, as far as that is known. */
  server(destination: string): TelemetrySource['server'] | undefined {
    return (this.#byStream.get(destination) ?? this.#sources.values().next().value)?.server;
  }

  #index(): void {
    this.#byStream.clear();
    for (const source of this.#sources) {
      for (const stream of source.streamNames) {
        this.#byStream.set(stream, source);
      }
    }
  }
}
