import { describe, expect } from 'vitest';
import type { Namespace } from 'socket.io';
import { startCluster, waitFor, type Cluster, type NodeFunction, type TestClient } from '../harness/index.js';
import { outcome, threeClients, type Suite } from './suite.js';

/** Namespaces of every kind. Those of the shared cluster are made in suite.ts. */
export function namespaces(suite: Suite): void {
  const { check, cluster } = suite;
  const none: unknown[][] = [];

  describe('namespaces', () => {
    const kinds = { 'a string': '/chat', 'a regular expression': '/dynamic-a', 'a function': '/by-function-a' };
    for (const [kind, name] of Object.entries(kinds)) {
      check(`a namespace made from ${kind} is a cluster of its own`, async () => {
        const clients = await threeClients(suite, name);
        const outsiders = await Promise.all([cluster().connect(0), cluster().connect(1)]);
        await cluster().settled({ namespace: name });
        await cluster().join(clients[1], 'room');
        clients.forEach((client, index) =>
          client.socket.on('question', (acknowledge: (answer: number) => void) => acknowledge(index)),
        );
        await listen(cluster(), name, `task in ${name}`);
        const result = await cluster()
          .node(0)
          .run(async (io, _ctx, nsp) => {
            const namespace = io.of(nsp);
            namespace.emit('to all', 1);
            namespace.to('room').emit('to room', 1);
            io.emit('to the others', 1);
            namespace.serverSideEmit(`task in ${nsp}`, 1);
            return {
              answers: (await namespace.timeout(5_000).emitWithAck('question')).toSorted(),
              sockets: (await namespace.fetchSockets()).map(({ id }) => id).toSorted(),
            };
          }, name);
        const all = [...clients, ...outsiders];

        expect(await outcome(suite, all, 'to all')).toEqual([[[1]], [[1]], [[1]], none, none]);
        expect(await outcome(suite, all, 'to room')).toEqual([none, [[1]], none, none, none]);
        expect(await outcome(suite, all, 'to the others')).toEqual([none, none, none, [[1]], [[1]]]);
        expect(await cluster().node(1).recorded(`task in ${name}`, 1)).toEqual([[1]]);
        expect(result).toEqual({ answers: [0, 1, 2], sockets: clients.map(({ id }) => id).toSorted() });
      });
    }

    check('emit() of a parent namespace reaches its children, and them alone', async () => {
      const first = await threeClients(suite, '/dynamic-b');
      const second = await threeClients(suite, '/dynamic-c');
      const outsider = await cluster().connect(1);
      await cluster().node(0).run(emitFromParent);
      const all = [...first, ...second, outsider];

      expect(await outcome(suite, all, 'to the children')).toEqual([...all.slice(1).map(() => [[1]]), none]);
      expect(await outcome(suite, all, 'local')).toEqual([[[1]], none, none, [[1]], none, none, none]);
    });

    check('a broadcast operator of a parent namespace reaches the rooms of its children', async () => {
      const first = await threeClients(suite, '/dynamic-d');
      const second = await threeClients(suite, '/dynamic-e');
      await Promise.all([first[1], second[0], second[2]].map((client) => cluster().join(client, 'room')));
      await cluster()
        .node(0)
        .run((io) => {
          // The first parent is that of the regular expression.
          const [parent] = (io as unknown as { parentNsps: Map<unknown, Namespace> }).parentNsps.values();
          parent!.to('room').emit('to the room', 1);
        });

      expect(await outcome(suite, [...first, ...second], 'to the room')).toEqual([
        none,
        [[1]],
        none,
        [[1]],
        none,
        [[1]],
      ]);
    });

    check('a namespace that only one node has is no reason to wait', async () => {
      const client = await cluster().connect(0, { namespace: '/first-node-only' });
      client.socket.on('question', (acknowledge: (answer: string) => void) => acknowledge('here'));
      const start = performance.now();
      const result = await cluster()
        .node(0)
        .run(async (io) => {
          const namespace = io.of('/first-node-only');
          namespace.emit('news', 1);
          return {
            acks: await namespace.timeout(10_000).emitWithAck('question'),
            sockets: (await namespace.fetchSockets()).map(({ id }) => id),
            responses: await namespace.serverSideEmitWithAck('task'),
          };
        });

      expect(result).toEqual({ acks: ['here'], sockets: [client.id], responses: [] });
      expect(await client.next('news')).toEqual([[1]]);
      expect(performance.now() - start).toBeLessThan(4_900);
    });

    check('a namespace made at run time takes part at once', async () => {
      await cluster()
        .node(1)
        .run((io) => void io.of('/made-later'));
      await cluster()
        .node(2)
        .run((io) => void io.of('/made-later'));
      const clients = await Promise.all([1, 2].map((index) => cluster().connect(index, { namespace: '/made-later' })));
      await cluster()
        .node(0)
        .run((io) => io.of('/made-later').emit('first', 1));

      expect(await outcome(suite, clients, 'first')).toEqual([[[1]], [[1]]]);
    });
  });
}

const emitFromParent: NodeFunction<[], void> = (io) => {
  // The first parent is that of the regular expression.
  const [parent] = (io as unknown as { parentNsps: Map<unknown, Namespace> }).parentNsps.values();
  parent!.emit('to the children', 1);
  parent!.local.emit('local', 1);
};

/** What needs servers with options of their own, once for an adapter. */
export function namespaceLifecycle(suite: Pick<Suite, 'adapter' | 'check'>): void {
  const { adapter, check } = suite;

  describe('namespaces that come and go', () => {
    check('a child namespace that was cleaned up works again', async () => {
      const cluster = await cleaningCluster(suite);
      await comeAndGo(cluster);
      const clients = await cluster.connectEach({ namespace: '/dynamic-a' });
      await cluster.join(clients[1]!, 'room');
      await cluster.node(0).run((io) => {
        io.of('/dynamic-a').emit('to all', 1);
        io.of('/dynamic-a').to('room').emit('to room', 2);
      });

      expect(await clients[0]!.next('to all')).toEqual([[1]]);
      expect(await clients[1]!.next('to room')).toEqual([[2]]);
      await cluster.barrier();
      expect(clients.map((client) => client.events.length)).toEqual([1, 2]);
    });

    check('a child namespace that was cleaned up is whole again for requests', async () => {
      const cluster = await cleaningCluster(suite);
      await comeAndGo(cluster);
      const clients = await cluster.connectEach({ namespace: '/dynamic-a' });
      clients.forEach((client, index) =>
        client.socket.on('question', (acknowledge: (answer: number) => void) => acknowledge(index)),
      );
      await cluster.settled({ namespace: '/dynamic-a' });
      const results = await cluster.node(0).run(async (io) => {
        const each: unknown[] = [];
        for (let round = 0; round < 20; round += 1) {
          each.push({
            acks: (await io.of('/dynamic-a').timeout(10_000).emitWithAck('question')).toSorted(),
            sockets: (await io.of('/dynamic-a').fetchSockets()).length,
          });
        }
        return each;
      });

      expect(results).toEqual(results.map(() => ({ acks: [0, 1], sockets: 2 })));
    });

    check('a node whose child namespace was cleaned up is not counted in it', async () => {
      const cluster = await cleaningCluster(suite);
      const [near, far] = await cluster.connectEach({ namespace: '/dynamic-a' });
      await cluster.settled({ namespace: '/dynamic-a' });
      far!.close();
      await gone(cluster, 1);
      near!.socket.on('question', (acknowledge: (answer: string) => void) => acknowledge('here'));
      const start = performance.now();
      const result = await cluster.node(0).run(async (io) => ({
        acks: await io.of('/dynamic-a').timeout(10_000).emitWithAck('question'),
        sockets: (await io.of('/dynamic-a').fetchSockets()).length,
        responses: await io.of('/dynamic-a').serverSideEmitWithAck('task'),
      }));

      expect(result).toEqual({ acks: ['here'], sockets: 1, responses: [] });
      expect(performance.now() - start).toBeLessThan(4_900);
    });

    check('a session survives the clean-up of its child namespace', async () => {
      const cluster = await cleaningCluster(suite);
      const [client] = await cluster.connectEach({ namespace: '/dynamic-a' });
      await cluster.node(1).run((io) => io.of('/dynamic-a').emit('before', 1));
      await client!.next('before');
      const { id } = client!;
      await client!.drop();
      await gone(cluster, 0);
      await cluster.sessionSaved(client!);
      await cluster.node(1).run((io) => io.of('/dynamic-a').emit('meanwhile', 2));
      await client!.connect();

      expect(client).toMatchObject({ recovered: true, id });
      expect(await client!.next('meanwhile')).toEqual([[2]]);
    });

    check('io.adapter() after the construction installs the adapter', async () => {
      const cluster = await startCluster({ adapter, lateAdapter: true, setup: (io) => void io.of('/chat') });
      await cluster.settled({ namespace: '/chat' });
      const clients = await cluster.connectEach();
      const chatting = await cluster.connectEach({ namespace: '/chat' });
      await cluster.node(0).run((io) => {
        io.emit('news', 1);
        io.of('/chat').emit('news', 2);
      });
      const all = [...clients, ...chatting];
      await cluster.barrier(all);

      expect(all.map((client) => client.received('news'))).toEqual([[[1]], [[1]], [[2]], [[2]]]);
      expect(await cluster.node(0).run(async (io) => (await io.fetchSockets()).length)).toBe(2);
    });

    check('io.adapter() called again leaves one adapter at work', async () => {
      const cluster = await startCluster({
        adapter,
        setup: (io, ctx) => {
          io.adapter(ctx.adapterFactory);
        },
      });
      const clients = await cluster.connectEach();
      clients.forEach((client, index) =>
        client.socket.on('question', (acknowledge: (answer: number) => void) => acknowledge(index)),
      );
      await cluster.node(1).run((io, ctx) => void io.on('task', ctx.record('task')));
      const results = await cluster.node(0).run(async (io) => {
        io.emit('news', 1);
        io.serverSideEmit('task', 1);
        const each: unknown[] = [];
        for (let round = 0; round < 20; round += 1) {
          each.push({
            acks: (await io.timeout(10_000).emitWithAck('question')).toSorted(),
            sockets: (await io.fetchSockets()).length,
          });
        }
        return each;
      });
      await cluster.barrier();

      expect(clients.map((client) => client.received('news'))).toEqual([[[1]], [[1]]]);
      expect(results).toEqual(results.map(() => ({ acks: [0, 1], sockets: 2 })));
      expect(await cluster.node(1).recorded('task', 1)).toEqual([[1]]);
    });
  });
}

function cleaningCluster({ adapter }: Pick<Suite, 'adapter'>): Promise<Cluster> {
  return startCluster({
    adapter,
    serverOptions: { cleanupEmptyChildNamespaces: true, connectionStateRecovery: {} },
    setup: (io) => void io.of(/^\/dynamic-\w+$/),
  });
}

/** A client on each node comes and goes, so that each node makes the namespace and cleans it up. */
async function comeAndGo(cluster: Cluster): Promise<void> {
  const clients: TestClient[] = await cluster.connectEach({ namespace: '/dynamic-a' });
  clients.forEach((client) => client.close());
  await Promise.all(clients.map((_client, index) => gone(cluster, index)));
}

async function gone(cluster: Cluster, index: number): Promise<void> {
  await waitFor(() => cluster.node(index).run((io) => !io._nsps.has('/dynamic-a')), {
    what: 'the namespace to be closed',
  });
}

async function listen(cluster: Cluster, namespace: string, event: string): Promise<void> {
  await Promise.all(
    cluster.nodes.map((node) =>
      node.run((io, ctx, nsp, name) => void io.of(nsp).on(name, ctx.record(name)), namespace, event),
    ),
  );
}
