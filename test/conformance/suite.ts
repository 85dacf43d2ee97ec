import { describe, it } from 'vitest';
import {
  useCluster,
  withLittlePatience,
  type AdapterName,
  type Cluster,
  type NodeFunction,
  type TestClient,
} from '../harness/index.js';
import type { KnownFailure } from './known-failures.js';

/** What a topic of the suite is given. */
export interface Suite {
  readonly adapter: AdapterName;
  /** Whether connection state recovery is on in `cluster()`. */
  readonly recovery: boolean;
  /** Three nodes that the checks share. Node 0 is the near one in this suite: operations start there. */
  readonly cluster: () => Cluster;
  /** A test, unless the table of known failures says otherwise. */
  check(title: string, body: () => Promise<void>): void;
}

export type ThreeClients = [near: TestClient, far: TestClient, other: TestClient];

/** Marks of the table that some check has used; the others are stale. */
const used = new Set<KnownFailure>();

/** Registers checks on three nodes with namespaces of every kind, without connection state recovery and with it. */
export function onThreeNodes(
  adapter: AdapterName,
  topics: ((suite: Suite) => void)[],
  marks: readonly KnownFailure[] = [],
  recoveries: readonly boolean[] = [false, true],
): void {
  for (const recovery of recoveries) {
    describe(`recovery ${recovery ? 'on' : 'off'}`, () => {
      const cluster = useCluster({
        adapter,
        nodes: [{ setup: namespacesAndOneOnly }, { setup: namespaces }, { setup: namespaces }],
        serverOptions: recovery ? { connectionStateRecovery: {} } : {},
      });
      for (const topic of topics) {
        topic({ adapter, recovery, cluster, check: checker(marks, recovery) });
      }
    });
  }
}

export function checker(marks: readonly KnownFailure[], recovery: boolean): Suite['check'] {
  return (title, body) => {
    const known = marks.find((entry) => entry.checks.includes(title) && (entry.recovery ?? recovery) === recovery);
    if (!known) {
      it(title, body);
      return;
    }
    used.add(known);
    if (known.fails) {
      it(`${title} [known to fail: ${known.why}]`, () => expectFailure(body, known.fails!));
    } else {
      it.skip(`${title} [${known.why}]`, body);
    }
  };
}

/** Fails if the table has a mark that belongs to no check any more. */
export function checkForStaleMarks(marks: readonly KnownFailure[]): void {
  it('has no stale mark in the table of known failures', () => {
    const stale = marks.filter((entry) => !used.has(entry));
    if (stale.length > 0) {
      throw new Error(`These marks belong to no check: ${stale.flatMap(({ checks }) => checks).join('; ')}`);
    }
  });
}

async function expectFailure(body: () => Promise<void>, expected: RegExp): Promise<void> {
  let failure: unknown;
  try {
    await withLittlePatience(body);
  } catch (error) {
    failure = error;
  }
  if (failure === undefined) {
    throw new Error('This passes now. Remove its mark from the table of known failures.');
  }
  if (!expected.test(String((failure as Error).message))) {
    throw failure;
  }
}

const namespaces: NodeFunction<[], void> = (io) => {
  io.of('/chat');
  io.of('/multi');
  io.of(/^\/dynamic-\w+$/);
  io.of((name, _auth, next) => next(null, name.startsWith('/by-function-')));
};

const namespacesAndOneOnly: NodeFunction<[], void> = (io) => {
  io.of('/chat');
  io.of('/multi');
  io.of('/first-node-only');
  io.of(/^\/dynamic-\w+$/);
  io.of((name, _auth, next) => next(null, name.startsWith('/by-function-')));
};

/** A client on each of the three nodes, the near one first. */
export async function threeClients(suite: Suite, namespace = '/'): Promise<ThreeClients> {
  return (await suite.cluster().connectEach({ namespace })) as ThreeClients;
}

/** What each client received of an event, once nothing more can come. */
export async function outcome(suite: Suite, clients: TestClient[], event: string): Promise<unknown[][][]> {
  await suite.cluster().barrier(clients);
  return clients.map((client) => client.received(event));
}
