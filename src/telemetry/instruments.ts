import type { Attributes, Histogram, Meter, MeterProvider } from '@opentelemetry/api';
import type { AttributesHook } from './attributes-hook.js';
import { COUNTERS, GAUGES, HISTOGRAMS, UP_DOWN_COUNTERS, type MetricDefinition } from './metric-definitions.js';
import { StreamMetrics } from './stream-metrics.js';
import { Totals, type Total } from './totals.js';

type Counters = typeof COUNTERS;
type Histograms = typeof HISTOGRAMS;
const OBSERVABLES = { ...GAUGES, ...UP_DOWN_COUNTERS };
type Observables = typeof OBSERVABLES;

/** One value for each attribute of a metric; `undefined` leaves the attribute out. */
export type Values<D extends MetricDefinition> = ValuesOf<D['attributes']>;
type ValuesOf<A extends readonly string[]> = { [I in keyof A]: string | undefined };

/** A histogram for one combination of attributes. */
export interface Measurement {
  record(value: number): void;
}

/** What counts and measures, made from one meter. Another meter needs another object: instruments of no SDK stay dead for good. */
export class Instruments {
  readonly #hook: AttributesHook;
  readonly #totals: Totals;
  readonly #histograms: Record<keyof Histograms, Histogram>;
  readonly #attributes = new Map<string, Attributes>();
  readonly #added = new Map<Attributes, Total>();
  readonly #streams = new Map<string, StreamMetrics>();

  constructor(provider: MeterProvider, meter: Meter, hook: AttributesHook) {
    this.#hook = hook;
    this.#totals = Totals.of(provider, meter);
    this.#histograms = build(HISTOGRAMS, ({ name, buckets, ...rest }) =>
      meter.createHistogram(name, { ...rest, advice: { explicitBucketBoundaries: buckets } }),
    );
  }

  add<K extends keyof Counters>(key: K, value: number, ...values: Values<Counters[K]>): void {
    const total = this.total(key, ...values);
    // Nothing that is counted can make a total fall, or no number.
    if (value > 0) {
      total.value += value;
    }
  }

  record<K extends keyof Histograms>(key: K, value: number, ...values: Values<Histograms[K]>): void {
    this.#histograms[key].record(value, this.#attributesOf(HISTOGRAMS[key], values));
  }

  /** What `add` adds to, to be kept and added to without it. */
  total<K extends keyof Counters>(key: K, ...values: Values<Counters[K]>): Total {
    const attributes = this.#attributesOf(COUNTERS[key], values);
    let total = this.#added.get(attributes);
    if (!total) {
      total = this.#totals.of(key, attributes);
      this.#added.set(attributes, total);
    }
    return total;
  }

  /** What `record` records with, to be kept. */
  measurement<K extends keyof Histograms>(key: K, ...values: Values<Histograms[K]>): Measurement {
    const histogram = this.#histograms[key];
    const attributes = this.#attributesOf(HISTOGRAMS[key], values);
    return { record: (value) => histogram.record(value, attributes) };
  }

  /** What is recorded for each message of the stream. */
  stream(stream: string): StreamMetrics {
    let metrics = this.#streams.get(stream);
    if (!metrics) {
      metrics = new StreamMetrics(this, stream);
      this.#streams.set(stream, metrics);
    }
    return metrics;
  }

  /** The attributes of what is observed, see `Gauges`. */
  attributesOf<K extends keyof Observables>(key: K, ...values: Values<Observables[K]>): Attributes {
    return this.#attributesOf(OBSERVABLES[key], values);
  }

  // Every combination is made once and kept: there are few.
  #attributesOf(definition: MetricDefinition, values: readonly (string | undefined)[]): Attributes {
    let key = definition.name;
    for (const value of values) {
      key += `\n${value ?? ''}`;
    }
    let attributes = this.#attributes.get(key);
    if (!attributes) {
      attributes = { ...definition.fixed };
      for (const [index, value] of values.entries()) {
        const name = definition.attributes[index];
        if (name !== undefined && value !== undefined) {
          attributes[name] = value;
        }
      }
      attributes = this.#hook.apply('metric', definition.name, attributes);
      this.#attributes.set(key, attributes);
    }
    return attributes;
  }
}

function build<K extends string, D extends MetricDefinition, I>(
  definitions: Record<K, D>,
  create: (definition: D) => I,
): Record<K, I> {
  const entries = Object.entries<D>(definitions).map(([key, definition]) => [key, create(definition)]);
  return Object.fromEntries(entries) as Record<K, I>;
}
