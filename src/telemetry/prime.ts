import {
  DROP_REASONS,
  MESSAGE_TYPES,
  OUTCOMES,
  POLL_RESULTS,
  REQUEST_TYPES,
  ROLES,
  SOURCES,
  TRANSITIONS,
} from './closed-sets.js';
import type { Instruments } from './instruments.js';

// A counter that appears with its first event has no earlier value, and PromQL's `increase()` and `rate()` miss that event.

/** Starts the counters of a node at 0. */
export function primeNode(instruments: Instruments): void {
  for (const type of REQUEST_TYPES) {
    instruments.add('missingResponses', 0, type);
  }
  for (const direction of ['sent', 'received']) {
    instruments.add('heartbeats', 0, direction, undefined);
  }
  for (const transition of TRANSITIONS) {
    instruments.add('transitions', 0, transition);
  }
  for (const role of ROLES) {
    instruments.add('reconnections', 0, role);
  }
}

/** Starts the counters of streams at 0. */
export function primeStreams(instruments: Instruments, streams: readonly string[]): void {
  for (const stream of streams) {
    instruments.add('skipped', 0, stream);
    instruments.add('duplicates', 0, stream);
    for (const result of POLL_RESULTS) {
      instruments.add('polls', 0, stream, result);
    }
    for (const reason of DROP_REASONS) {
      instruments.add('dropped', 0, stream, reason);
    }
    for (const type of MESSAGE_TYPES) {
      instruments.add('sent', 0, stream, type, undefined);
      instruments.add('consumed', 0, stream, type);
    }
  }
}

/** Starts the counters of a namespace at 0. */
export function primeNamespace(instruments: Instruments, namespace: string): void {
  for (const outcome of OUTCOMES) {
    // Only what was restored came from somewhere.
    for (const source of outcome === 'restored' ? SOURCES : [undefined]) {
      instruments.add('restores', 0, namespace, outcome, source);
    }
  }
}
