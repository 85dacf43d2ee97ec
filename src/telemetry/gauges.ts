import type { Attributes, BatchObservableResult, Meter, MeterProvider, Observable } from '@opentelemetry/api';
import type { TelemetrySource } from '../adapter/telemetry-port.js';
import { STATES } from './closed-sets.js';
import { contentOf } from './content-of.js';
import type { Instruments } from './instruments.js';
import { GAUGES, UP_DOWN_COUNTERS } from './metric-definitions.js';
import { DYNAMIC_NAMESPACE } from './names.js';
import { primeNamespace } from './prime.js';

// A collection must not hang on a Redis that does not answer; the other metrics are needed most just then.
const STREAMS_DEADLINE_MS = 1_000;

// One for each MeterProvider, whoever observes: of two callbacks that observe the same attributes, the SDK believes the last.
const ofProviders = new WeakMap<MeterProvider, Gauges>();

/** Reads the running nodes of a process whenever metrics are collected, whichever telemetry object they belong to. */
export class Gauges {
  static of(provider: MeterProvider, meter: Meter): Gauges {
    let gauges = ofProviders.get(provider);
    if (!gauges) {
      gauges = new Gauges(meter);
      ofProviders.set(provider, gauges);
    }
    return gauges;
  }

  /** With what puts their attributes together. */
  readonly #sources = new Map<TelemetrySource, Instruments>();
  readonly #observables: Record<keyof typeof GAUGES | keyof typeof UP_DOWN_COUNTERS, Observable>;
  // Several Servers in one process have the same attributes: their values are added up, as one process is one instance.
  // Sizes of clusters cannot be: the smallest is shown, which is the one to worry about.
  readonly #clusterSize = new Combination(Math.min);
  readonly #outbox = new Combination(add);
  readonly #status = new Combination(add);
  readonly #connections = new Combination(add);

  private constructor(meter: Meter) {
    const gauge = ({ name, ...rest }: (typeof GAUGES)[keyof typeof GAUGES]): Observable =>
      meter.createObservableGauge(name, rest);
    const upDownCounter = ({ name, ...rest }: (typeof UP_DOWN_COUNTERS)[keyof typeof UP_DOWN_COUNTERS]): Observable =>
      meter.createObservableUpDownCounter(name, rest);
    const observables = {
      streamLag: gauge(GAUGES.streamLag),
      streamLength: gauge(GAUGES.streamLength),
      streamRetention: gauge(GAUGES.streamRetention),
      clusterSize: gauge(GAUGES.clusterSize),
      outboxSize: upDownCounter(UP_DOWN_COUNTERS.outboxSize),
      redisStatus: upDownCounter(UP_DOWN_COUNTERS.redisStatus),
      connections: upDownCounter(UP_DOWN_COUNTERS.connections),
    };
    this.#observables = observables;
    const { streamLag, streamLength, streamRetention, ...node } = observables;
    meter.addBatchObservableCallback((result) => this.#observeNodes(result), Object.values(node));
    meter.addBatchObservableCallback(
      (result) => this.#observeStreams(result),
      [streamLag, streamLength, streamRetention],
    );
  }

  add(source: TelemetrySource, instruments: Instruments): void {
    this.#sources.set(source, instruments);
  }

  delete(source: TelemetrySource): void {
    this.#sources.delete(source);
  }

  #observeNodes(result: BatchObservableResult): void {
    for (const [source, instruments] of this.#sources) {
      const clusterSize = source.clusterSize();
      if (clusterSize !== undefined) {
        this.#clusterSize.add(instruments.attributesOf('clusterSize'), clusterSize);
      }
      for (const stream of source.streamNames) {
        this.#outbox.add(instruments.attributesOf('outboxSize', stream), source.outboxSize(stream));
      }
      for (const { role, state } of source.connectionStates()) {
        for (const each of STATES) {
          this.#status.add(instruments.attributesOf('redisStatus', role, each), each === state ? 1 : 0);
        }
      }
      const namespaces = new Set<string>();
      for (const { namespace, dynamic, count } of source.connections()) {
        const name = dynamic ? DYNAMIC_NAMESPACE : namespace;
        namespaces.add(name);
        this.#connections.add(instruments.attributesOf('connections', name), count);
      }
      for (const name of namespaces) {
        primeNamespace(instruments, name);
      }
    }
    this.#clusterSize.observe(result, this.#observables.clusterSize);
    this.#outbox.observe(result, this.#observables.outboxSize);
    this.#status.observe(result, this.#observables.redisStatus);
    this.#connections.observe(result, this.#observables.connections);
  }

  async #observeStreams(result: BatchObservableResult): Promise<void> {
    await Promise.all([...this.#sources].map((each) => this.#observeStreamsOf(...each, result)));
  }

  async #observeStreamsOf(
    source: TelemetrySource,
    instruments: Instruments,
    result: BatchObservableResult,
  ): Promise<void> {
    const streams = await withDeadline(source.streams()).catch(() => []);
    const { streamLag, streamLength, streamRetention } = this.#observables;
    for (const { stream, length, lagMs, retentionMs } of streams) {
      result.observe(streamLag, lagMs / 1_000, instruments.attributesOf('streamLag', stream));
      result.observe(streamLength, length, instruments.attributesOf('streamLength', stream));
      result.observe(streamRetention, retentionMs / 1_000, instruments.attributesOf('streamRetention', stream));
    }
  }
}

/**
 * The values of one collection, those of the same attributes combined. What was there once and is no more is 0: the SDK would
 * repeat its last value for good.
 */
class Combination {
  readonly #values = new Map<string, { attributes: Attributes; value: number | undefined }>();

  constructor(private readonly combine: (a: number, b: number) => number) {}

  add(attributes: Attributes, value: number): void {
    const content = contentOf(attributes);
    const before = this.#values.get(content)?.value;
    this.#values.set(content, { attributes, value: before === undefined ? value : this.combine(before, value) });
  }

  observe(result: BatchObservableResult, observable: Observable): void {
    for (const entry of this.#values.values()) {
      result.observe(observable, entry.value ?? 0, entry.attributes);
      entry.value = undefined;
    }
  }
}

function add(a: number, b: number): number {
  return a + b;
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
