import type { Attributes, BatchObservableResult, Meter, MeterProvider, Observable } from '@opentelemetry/api';
import { contentOf } from './content-of.js';
import { COUNTERS } from './metric-definitions.js';

type Key = keyof typeof COUNTERS;

/** What a counter has come to, for one combination of attributes. Only ever rises. */
export interface Total {
  readonly attributes: Attributes;
  value: number;
}

// One for each MeterProvider, whoever counts: of two callbacks that observe the same attributes, the SDK believes the last.
const ofProviders = new WeakMap<MeterProvider, Totals>();

/**
 * The counters of a process, as plain numbers that are read when metrics are collected: a message then costs an addition,
 * where a counter of the SDK would put the attributes together to a text for each.
 */
export class Totals {
  /**
   * The totals that belong to the provider. They outlive the nodes that count, and are read for as long as the provider
   * is: what was counted since the last collection would be lost otherwise, and what a node counts that is started anew
   * would count from 0 below the same name.
   */
  static of(provider: MeterProvider, meter: Meter): Totals {
    let totals = ofProviders.get(provider);
    if (!totals) {
      totals = new Totals(meter);
      ofProviders.set(provider, totals);
    }
    return totals;
  }

  readonly #totals = new Map<Key, Map<string, Total>>();

  private constructor(meter: Meter) {
    const observables = new Map<Observable, Map<string, Total>>();
    for (const [key, { name, unit, description }] of Object.entries(COUNTERS)) {
      const totals = new Map<string, Total>();
      this.#totals.set(key as Key, totals);
      observables.set(meter.createObservableCounter(name, { unit, description }), totals);
    }
    meter.addBatchObservableCallback((result) => observe(result, observables), [...observables.keys()]);
  }

  /** The total for attributes of this content, from now on exported, at first with 0. */
  of(key: Key, attributes: Attributes): Total {
    const totals = this.#totals.get(key)!;
    const content = contentOf(attributes);
    let total = totals.get(content);
    if (!total) {
      total = { attributes, value: 0 };
      totals.set(content, total);
    }
    return total;
  }
}

async function observe(result: BatchObservableResult, observables: Map<Observable, Map<string, Total>>): Promise<void> {
  // After the gauges, which start the counters of the namespaces that they find.
  await Promise.resolve();
  for (const [observable, totals] of observables) {
    for (const { attributes, value } of totals.values()) {
      result.observe(observable, value, attributes);
    }
  }
}
