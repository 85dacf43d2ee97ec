import { describe, expect } from 'vitest';
import { startCluster, type Cluster } from '../harness/index.js';
import type { Suite } from './suite.js';

/** What servers say to each other. */
export function betweenServers(suite: Suite): void {
  const { check, cluster } = suite;

  describe('serverSideEmit', () => {
    check('serverSideEmit() fires on every other node, never on the sender', async () => {
      await listen(cluster(), 'task');
      await cluster()
        .node(0)
        .run((io) => io.serverSideEmit('task', 'text', 1, { nested: [true, null] }));
      const expected = [['text', 1, { nested: [true, null] }]];

      expect(await cluster().node(1).recorded('task', 1)).toEqual(expected);
      expect(await cluster().node(2).recorded('task', 1)).toEqual(expected);
      // Whatever comes back to the sender comes with or before this.
      await cluster()
        .node(1)
        .run((io) => io.serverSideEmit('task', 'back'));
      expect(await cluster().node(0).recorded('task', 1)).toEqual([['back']]);
    });

    check('an acknowledgement gives one response for each other node, repeats dropped', async () => {
      await Promise.all(
        cluster().nodes.map((node, index) =>
          node.run((io, _ctx, own) => {
            io.on('sum', (a: number, b: number, acknowledge: (sum: string) => void) => {
              acknowledge(`${a + b} on ${own}`);
              acknowledge(`again on ${own}`);
            });
          }, index),
        ),
      );
      const results = await cluster()
        .node(0)
        .run(async (io) => ({
          callback: await new Promise<string[]>((resolve, reject) => {
            io.serverSideEmit('sum', 1, 2, (error: Error | null, responses: string[]) =>
              error ? reject(error) : resolve(responses.toSorted()),
            );
          }),
          promise: (await io.serverSideEmitWithAck('sum', 3, 4)).toSorted() as string[],
        }));

      expect(results).toEqual({ callback: ['3 on 1', '3 on 2'], promise: ['7 on 1', '7 on 2'] });
    });
  });

  describe('serverCount', () => {
    check('serverCount() counts the nodes, whichever is asked', async () => {
      const counts = cluster().nodes.map((node) => node.run((io) => io.of('/').adapter.serverCount()));

      expect(await Promise.all(counts)).toEqual([3, 3, 3]);
    });
  });
}

/** What needs a cluster of its own, once for an adapter. */
export function clusterMembership(suite: Pick<Suite, 'adapter' | 'check'>): void {
  const { adapter, check } = suite;

  describe('membership', () => {
    check('a server that is alone asks nobody but its own clients, and waits for nobody', async () => {
      const alone = await startCluster({ adapter, nodes: 1 });
      const client = await alone.connect(0);
      client.socket.on('question', (acknowledge: (answer: string) => void) => acknowledge('alone'));
      const start = performance.now();
      const answers = await alone.node(0).run(async (io) => ({
        acks: await io.timeout(10_000).emitWithAck('question'),
        responses: await io.serverSideEmitWithAck('ask'),
        sockets: (await io.fetchSockets()).length,
        count: await io.of('/').adapter.serverCount(),
      }));

      expect(answers).toEqual({ acks: ['alone'], responses: [], sockets: 1, count: 1 });
      expect(performance.now() - start).toBeLessThan(4_900);
    });

    check('the error of serverSideEmitWithAck() carries the responses that did come', async () => {
      const cluster = await startCluster({ adapter, nodes: 3, adapterOptions: { requestTimeout: 2_500 } });
      await cluster
        .node(1)
        .run((io) => void io.on('ask', (acknowledge: (answer: string) => void) => acknowledge('yes')));
      await cluster.node(2).run((io) => void io.on('ask', () => undefined));
      const failure = await cluster.node(0).run((io) =>
        io.serverSideEmitWithAck('ask').then(
          () => undefined,
          (error: Error & { responses: string[] }) => ({ message: error.message, responses: error.responses }),
        ),
      );

      expect(failure).toEqual({ message: expect.stringMatching(/time/), responses: ['yes'] });
    });

    check('a node that left gracefully is counted and waited for no more', async () => {
      const cluster = await startCluster({ adapter, nodes: 3 });
      await cluster.node(2).close();
      await cluster.settled({ count: 2 });
      const client = await cluster.connect(1);
      client.socket.on('question', (acknowledge: (answer: string) => void) => acknowledge('here'));
      const start = performance.now();
      const answers = await cluster.node(0).run(async (io) => ({
        acks: await io.timeout(10_000).emitWithAck('question'),
        sockets: (await io.fetchSockets()).map(({ id }) => id),
      }));

      expect(answers).toEqual({ acks: ['here'], sockets: [client.id] });
      expect(performance.now() - start).toBeLessThan(4_900);
    });

    check('a node that joins is counted, and gets what is emitted from then on', async () => {
      const cluster = await startCluster({ adapter, nodes: 1 });
      const joined = await cluster.addNode();
      await cluster.settled();
      const client = await cluster.connect(joined);
      await cluster.node(0).run((io) => io.emit('news', 1));

      expect(await client.next('news')).toEqual([[1]]);
    });
  });
}

async function listen(cluster: Cluster, event: string): Promise<void> {
  await Promise.all(
    cluster.nodes.map((node) =>
      node.run((io, ctx, name) => {
        io.on(name, ctx.record(name));
      }, event),
    ),
  );
}
