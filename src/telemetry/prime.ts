import {
  DROP_REASONS,
  MESSAGE_TYPES,
  OUTCOMES,
  POLL_RESULTS,
  REQUEST_TYPES,
  SOURCES,
  TRANSITIONS,
} from './closed-sets.js';
import type { DropReason, TelemetrySource } from '../adapter/telemetry-port.js';
import type { Instruments } from './instruments.js';

/** The losses that happen before anything is read. */
const UNPUBLISHED: readonly DropReason[] = ['outbox_full', 'too_large'];

// A counter that appears with its first event has no earlier value, and PromQL's `increase()` and `rate()` miss that event.

/** Starts the counters of a node at 0, or those of an emitter, which is no node of a cluster and reads nothing. */
export function prime(instruments: Instruments, source: TelemetrySource): void {
  for (const { role } of source.connectionStates()) {
    instruments.add('reconnections', 0, role);
  }
  const isNode = source.clusterSize() !== undefined;
  for (const stream of source.streamNames) {
    primeWriting(instruments, stream);
    if (isNode) {
      primeReading(instruments, stream);
    }
  }
  if (isNode) {
    primeCluster(instruments);
  }
}

function primeCluster(instruments: Instruments): void {
  for (const type of REQUEST_TYPES) {
    instruments.add('missingResponses', 0, type);
  }
  for (const direction of ['sent', 'received']) {
    instruments.add('heartbeats', 0, direction, undefined);
  }
  for (const transition of TRANSITIONS) {
    instruments.add('transitions', 0, transition);
  }
}

function primeWriting(instruments: Instruments, stream: string): void {
  for (const reason of UNPUBLISHED) {
    instruments.add('dropped', 0, stream, reason);
  }
  for (const type of MESSAGE_TYPES) {
    instruments.add('sent', 0, stream, type, undefined);
  }
}

function primeReading(instruments: Instruments, stream: string): void {
  instruments.add('skipped', 0, stream);
  instruments.add('duplicates', 0, stream);
  for (const result of POLL_RESULTS) {
    instruments.add('polls', 0, stream, result);
  }
  for (const reason of DROP_REASONS) {
    instruments.add('dropped', 0, stream, reason);
  }
  for (const type of MESSAGE_TYPES) {
    instruments.add('consumed', 0, stream, type);
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
