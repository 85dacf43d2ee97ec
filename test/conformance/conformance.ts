import { describe } from 'vitest';
import type { AdapterName } from '../harness/index.js';
import { acks } from './acks.js';
import { adapterLifecycle } from './adapter.js';
import { clusterMembership, clusterOperations } from './cluster-operations.js';
import { emit } from './emit.js';
import { namespaceLifecycle, namespaces } from './namespaces.js';
import { payload, payloadAcrossServers } from './payload.js';
import { recovery, recoveryLifecycle } from './recovery.js';
import { checker, checkForStaleMarks, withAndWithoutRecovery } from './suite.js';

/** Every behaviour of Socket.IO that an adapter for clusters must keep, near and far, with connection state recovery and without. */
export function conformance(adapter: AdapterName): void {
  describe(`conformance: ${adapter}`, () => {
    withAndWithoutRecovery(adapter, [emit, acks, clusterOperations, namespaces, recovery, payload]);
    const own = { adapter, check: checker(adapter, false) };
    clusterMembership(own);
    namespaceLifecycle(own);
    recoveryLifecycle(own);
    payloadAcrossServers(own);
    adapterLifecycle(own);
    checkForStaleMarks(adapter);
  });
}
