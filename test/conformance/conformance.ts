import { describe } from 'vitest';
import type { AdapterName } from '../harness/index.js';
import { acks } from './acks.js';
import { adapterLifecycle } from './adapter.js';
import { betweenServers, clusterMembership } from './between-servers.js';
import { clusterOperations } from './cluster-operations.js';
import { emit } from './emit.js';
import type { KnownFailure } from './known-failures.js';
import { namespaceLifecycle, namespaces } from './namespaces.js';
import { payload, payloadAcrossServers } from './payload.js';
import { offsets } from './offsets.js';
import { recovery } from './recovery.js';
import { recoveryLifecycle } from './recovery-lifecycle.js';
import { recoveryRefused } from './recovery-refused.js';
import { checker, checkForStaleMarks, onThreeNodes } from './suite.js';

/** Every behaviour of Socket.IO that an adapter for clusters must keep, near and far; with connection state recovery and without, unless told otherwise. */
export function conformance(
  adapter: AdapterName,
  marks: readonly KnownFailure[] = [],
  recoveries?: readonly boolean[],
): void {
  describe(`conformance: ${adapter}`, () => {
    onThreeNodes(
      adapter,
      [emit, acks, clusterOperations, betweenServers, namespaces, offsets, recovery, recoveryRefused, payload],
      marks,
      recoveries,
    );
    const own = { adapter, check: checker(marks, false) };
    clusterMembership(own);
    namespaceLifecycle(own);
    recoveryLifecycle(own);
    payloadAcrossServers(own);
    adapterLifecycle(own);
    checkForStaleMarks(marks);
  });
}

/** Those of the behaviours that need more than the log: requests, answers, membership, sessions that are asked for. */
export function conformanceOfAnswers(): void {
  const adapter = 'ours';
  onThreeNodes(adapter, [acks, clusterOperations, betweenServers, recovery]);
  const own = { adapter, check: checker([], false) } as const;
  clusterMembership(own);
  namespaceLifecycle(own);
  recoveryLifecycle(own);
  adapterLifecycle(own);
}
