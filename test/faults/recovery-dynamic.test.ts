import { describe, expect, it } from 'vitest';
import { useCluster, waitFor, type Cluster, type TestClient } from '../harness/index.js';
import { claimOf, heir, present, type Claim } from './support/away.js';

const namespace = '/dynamic-a';

describe('a namespace that is closed when it is empty', () => {
  const cluster = useCluster({
    serverOptions: { cleanupEmptyChildNamespaces: true, connectionStateRecovery: { skipMiddlewares: false } },
    setup: (io, ctx) => {
      // lets one in at a time, when it is told to
      io.of(/^\/dynamic-\w+$/).use((_socket, next) => {
        if (ctx.state['slow'] !== true) return next();
        ctx.state['next'] = next;
      });
    },
  });

  it('stays for its only client, who comes back before its node has noticed that the connection is gone', async () => {
    const ghost = await present(cluster(), 0, { namespace, rooms: ['room'] });
    const client = await heir(cluster(), claimOf(ghost), { namespace }).connect(cluster().node(0));
    await ghost.disconnected();

    await expectToHear(cluster(), client, true);
    await expectToBeClosedAfter(cluster(), client);
  });

  it('stays for a client who comes back, and waits in a middleware when the last other one leaves', async () => {
    const lost = await present(cluster(), 0, { namespace, rooms: ['room'] });
    const other = await cluster().connect(0, { namespace });
    await lost.drop();
    const client = await waiting(cluster(), claimOf(lost));
    await leave(cluster(), other);
    await answer(cluster());
    await waitFor(() => client.socket.connected);

    await expectToHear(cluster(), client, true);
    await expectToBeClosedAfter(cluster(), client);
  });

  it('stays for a new client who waits in a middleware when the last other one leaves', async () => {
    const other = await cluster().connect(0, { namespace });
    const client = await waiting(cluster());
    await leave(cluster(), other);
    await answer(cluster());
    await waitFor(() => client.socket.connected);
    await cluster().join(client, 'room');

    await expectToHear(cluster(), client, false);
    await expectToBeClosedAfter(cluster(), client);
  });

  it('is closed when a middleware refuses the one for whom it stayed', async () => {
    const other = await cluster().connect(0, { namespace });
    const client = await waiting(cluster());
    await leave(cluster(), other);
    expect(await isThere(cluster())).toBe(true);
    await answer(cluster(), 'not you');
    await waitFor(async () => !(await isThere(cluster())), { what: 'the namespace to be closed' });

    expect(client.socket.connected).toBe(false);
  });
});

describe('a namespace that is closed when it is empty, of clients that come back past the middlewares', () => {
  const cluster = useCluster({
    serverOptions: { cleanupEmptyChildNamespaces: true, connectionStateRecovery: {} },
    setup: (io, ctx) => {
      io.of(/^\/dynamic-\w+$/).on('connection', (socket) => {
        if (ctx.state['closed'] === true) socket.disconnect();
      });
    },
  });

  it('is closed when its only client is sent away as soon as it is back', async () => {
    const client = await present(cluster(), 0, { namespace, rooms: ['room'] });
    await client.drop();
    await cluster()
      .node(0)
      .run((_io, ctx) => void (ctx.state['closed'] = true));
    await client.connect(cluster().node(0));
    expect(client.recovered).toBe(true);
    await client.disconnected();
    await waitFor(async () => !(await isThere(cluster())), { what: 'the namespace to be closed' });
  });
});

describe('a namespace that is closed when it is empty, and that is asked for its sockets then,', () => {
  const cluster = useCluster({
    serverOptions: { cleanupEmptyChildNamespaces: true, connectionStateRecovery: {} },
    setup: (io, ctx) => {
      const asked = (ctx.state['asked'] = {} as Record<string, unknown>);
      io.of(/^\/dynamic-\w+$/).on('connection', (socket) => {
        for (const event of ['disconnecting', 'disconnect'] as const) {
          socket.on(event, () => {
            void socket.nsp.fetchSockets().then(
              (sockets) => (asked[event] = sockets.length),
              (error: Error) => (asked[event] = error.message),
            );
          });
        }
      });
    },
  });

  it('answers, whether it closes before the question is read back, or was closed before it was asked', async () => {
    const client = await cluster().connect(0, { namespace });
    client.close();
    const asked = await cluster()
      .node(0)
      .run((_io, ctx) =>
        ctx.waitFor(() => {
          const answers = ctx.state['asked'] as Record<string, unknown>;
          return Object.keys(answers).length === 2 && answers;
        }),
      );

    expect(asked).toEqual({ disconnecting: expect.any(Number), disconnect: 0 });
    expect(await isThere(cluster())).toBe(false);
  });
});

/** A client that has come to node 0, with a session or without, and whom the middleware lets wait. */
async function waiting(cluster: Cluster, claim?: Claim): Promise<TestClient> {
  await cluster.node(0).run((_io, ctx) => {
    ctx.state['next'] = undefined;
    ctx.state['slow'] = true;
  });
  const client = claim === undefined ? cluster.client(0, { namespace }) : heir(cluster, claim, { namespace });
  void client.connect(cluster.node(0)).catch(() => undefined);
  await cluster.node(0).run((_io, ctx) => ctx.waitFor(() => ctx.state['next']).then(() => undefined));
  return client;
}

/** What the middleware says at last. */
async function answer(cluster: Cluster, refusal?: string): Promise<void> {
  await cluster.node(0).run((_io, ctx, message) => {
    ctx.state['slow'] = false;
    (ctx.state['next'] as (error?: Error) => void)(message === undefined ? undefined : new Error(message));
  }, refusal);
}

async function leave(cluster: Cluster, client: TestClient): Promise<void> {
  client.close();
  await cluster.node(0).run((io, ctx) => ctx.waitFor(() => io.engine.clientsCount === 1));
}

async function expectToHear(cluster: Cluster, client: TestClient, recovered: boolean): Promise<void> {
  expect(client.recovered).toBe(recovered);
  for (const [n, node] of cluster.nodes.entries()) {
    await node.run((io, _ctx, nsp, value) => void io.of(nsp).to('room').emit('packet', value), namespace, n);
    expect(await client.next('packet', n + 1)).toEqual(Array.from({ length: n + 1 }, (_, i) => [i]));
    const ids = await node.run(
      async (io, _ctx, nsp) => (await io.of(nsp).fetchSockets()).map(({ id }) => id),
      namespace,
    );
    expect(ids).toEqual([client.id]);
  }
}

async function expectToBeClosedAfter(cluster: Cluster, client: TestClient): Promise<void> {
  client.close();
  await waitFor(async () => !(await isThere(cluster)), { what: 'the namespace to be closed' });
}

function isThere(cluster: Cluster): Promise<boolean> {
  return cluster.node(0).run((io, _ctx, nsp) => io._nsps.has(nsp), namespace);
}
