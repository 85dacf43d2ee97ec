import type { Attributes, BatchObservableResult, Meter, Observable } from '@opentelemetry/api';
import type { TelemetrySource } from '../adapter/telemetry-port.js';
import { STATES } from './closed-sets.js';
import type { Instruments } from './instruments.js';
import { DYNAMIC_NAMESPACE } from './names.js';
import { primeNamespace } from './prime.js';
import type { Sources } from './sources.js';

// A collection must not hang on a Redis that does not answer; the other metrics are needed most just then.
const STREAMS_DEADLINE_MS = 1_000;

/** Reads the running nodes whenever metrics are collected, until `detach` is called. */
export class Gauges {
  readonly #meter: Meter;
  readonly #instruments: Instruments;
  readonly #sources: Sources;
  readonly #primed = new Set<string>();
  readonly #outbox = new Sums();
  readonly #status = new Sums();
  readonly #connections = new Sums();
  readonly #batches: Array<[(result: BatchObservableResult) => void | Promise<void>, Observable[]]>;

  constructor(meter: Meter, instruments: Instruments, sources: Sources) {
    this.#meter = meter;
    this.#instruments = instruments;
    this.#sources = sources;
    const node = (['clusterSize', 'outboxSize', 'redisStatus', 'connections'] as const).map((key) =>
      instruments.observable(key),
    );
    const streams = (['streamLag', 'streamLength', 'streamRetention'] as const).map((key) =>
      instruments.observable(key),
    );
    this.#batches = [
      [(result) => this.#observeNode(result), node],
      [(result) => this.#observeStreams(result), streams],
    ];
    for (const [callback, observables] of this.#batches) {
      meter.addBatchObservableCallback(callback, observables);
    }
  }

  detach(): void {
    for (const [callback, observables] of this.#batches) {
      this.#meter.removeBatchObservableCallback(callback, observables);
    }
  }

  #observeNode(result: BatchObservableResult): void {
    const instruments = this.#instruments;
    // Several Servers in one process have the same attributes: their values are added up, as one process is one instance.
    // Sizes of clusters cannot be: the smallest is shown, which is the one to worry about.
    let clusterSize = Infinity;
    for (const source of this.#sources) {
      clusterSize = Math.min(clusterSize, source.clusterSize() ?? Infinity);
      for (const stream of source.streamNames) {
        this.#outbox.add(instruments.observableAttributes('outboxSize', stream), source.outboxSize(stream));
      }
      for (const { role, state } of source.connectionStates()) {
        for (const each of STATES) {
          this.#status.add(instruments.observableAttributes('redisStatus', role, each), each === state ? 1 : 0);
        }
      }
      for (const { namespace, dynamic, count } of source.connections()) {
        const name = dynamic ? DYNAMIC_NAMESPACE : namespace;
        this.#prime(name);
        this.#connections.add(instruments.observableAttributes('connections', name), count);
      }
    }
    if (clusterSize !== Infinity) {
      instruments.observe(result, 'clusterSize', clusterSize);
    }
    this.#outbox.observe(result, instruments.observable('outboxSize'));
    this.#status.observe(result, instruments.observable('redisStatus'));
    this.#connections.observe(result, instruments.observable('connections'));
  }

  async #observeStreams(result: BatchObservableResult): Promise<void> {
    await Promise.all([...this.#sources].map((source) => this.#observeStreamsOf(source, result)));
  }

  async #observeStreamsOf(source: TelemetrySource, result: BatchObservableResult): Promise<void> {
    const streams = await withDeadline(source.streams()).catch(() => []);
    const instruments = this.#instruments;
    for (const { stream, length, lagMs, retentionMs } of streams) {
      instruments.observe(result, 'streamLag', lagMs / 1_000, stream);
      instruments.observe(result, 'streamLength', length, stream);
      instruments.observe(result, 'streamRetention', retentionMs / 1_000, stream);
    }
  }

  #prime(namespace: string): void {
    if (!this.#primed.has(namespace)) {
      this.#primed.add(namespace);
      primeNamespace(this.#instruments, namespace);
    }
  }
}

/**
 * Sums by attribute set. Sets of the same content are the same object here, as `Instruments` keeps them. What was there
 * once and is no more is 0: the SDK would repeat its last value for good.
 */
class Sums {
  readonly #values = new Map<Attributes, number>();

  add(attributes: Attributes, value: number): void {
    this.#values.set(attributes, (this.#values.get(attributes) ?? 0) + value);
  }

  observe(result: BatchObservableResult, observable: Observable): void {
    for (const [attributes, value] of this.#values) {
      result.observe(observable, value, attributes);
      this.#values.set(attributes, 0);
    }
  }
}

async function withDeadline<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('Redis did not answer in time.')), STREAMS_DEADLINE_MS);
    timer.unref();
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
