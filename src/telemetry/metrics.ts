import { createNoopMeter, metrics, type MeterProvider } from '@opentelemetry/api';
import type { TelemetrySource } from '../adapter/telemetry-port.js';
import type { AttributesHook } from './attributes-hook.js';
import { Gauges } from './gauges.js';
import { Instruments, type Values } from './instruments.js';
import type { COUNTERS, HISTOGRAMS } from './metric-definitions.js';
import { INSTRUMENTATION_SCOPE } from './names.js';
import { prime } from './prime.js';
import type { Sources } from './sources.js';
import type { StreamMetrics } from './stream-metrics.js';

/** Records metrics, with the instruments of the MeterProvider that is in force. */
export class Metrics {
  readonly #fixed: MeterProvider | undefined;
  readonly #hook: AttributesHook;
  readonly #sources: Sources;
  #provider: MeterProvider | undefined;
  /** `undefined` where there is no SDK: then not even attributes are put together. */
  #instruments: Instruments | undefined;
  #gauges: Gauges | undefined;

  constructor(provider: MeterProvider | undefined, hook: AttributesHook, sources: Sources) {
    this.#fixed = provider;
    this.#hook = hook;
    this.#sources = sources;
  }

  /** A node has started, which is one of the sources now. */
  start(source: TelemetrySource): void {
    if (!this.refresh()) {
      this.#observe(source);
    }
  }

  /** A node has stopped. */
  stop(source: TelemetrySource): void {
    this.#gauges?.delete(source);
  }

  /** Builds the instruments anew if the MeterProvider has changed since, which no event tells. Returns whether it did. */
  refresh(): boolean {
    const provider = this.#fixed ?? metrics.getMeterProvider();
    if (provider === this.#provider) {
      return false;
    }
    for (const source of this.#sources) {
      this.stop(source);
    }
    this.#provider = provider;
    this.#gauges = undefined;
    this.#instruments = undefined;
    const meter = provider.getMeter(INSTRUMENTATION_SCOPE);
    if (meter !== createNoopMeter()) {
      this.#instruments = new Instruments(provider, meter, this.#hook);
      this.#gauges = Gauges.of(provider, meter);
      for (const source of this.#sources) {
        this.#observe(source);
      }
    }
    return true;
  }

  /** Whether there is an SDK. */
  get active(): boolean {
    return this.#instruments !== undefined;
  }

  /** What is recorded for each message of the stream; `undefined` where there is no SDK. */
  stream(stream: string): StreamMetrics | undefined {
    return this.#instruments?.stream(stream);
  }

  add<K extends keyof typeof COUNTERS>(key: K, value: number, ...values: Values<(typeof COUNTERS)[K]>): void {
    this.#instruments?.add(key, value, ...values);
  }

  record<K extends keyof typeof HISTOGRAMS>(key: K, value: number, ...values: Values<(typeof HISTOGRAMS)[K]>): void {
    this.#instruments?.record(key, value, ...values);
  }

  #observe(source: TelemetrySource): void {
    if (!this.#instruments) {
      return;
    }
    this.#gauges?.add(source, this.#instruments);
    prime(this.#instruments, source);
  }
}
