import { describe, expect } from 'vitest';
import { startCluster, waitFor, type Cluster, type ServerNode } from '../harness/index.js';
import { OFFSET } from './sessions.js';
import type { Suite } from './suite.js';

const OTHER_NAMESPACES = 20;

/** The adapter as Socket.IO handles it: made, initialised, closed. */
export function adapterLifecycle({ adapter, check }: Pick<Suite, 'adapter' | 'check'>): void {
  describe('adapter', () => {
    check('one factory serves every namespace of a server, over the same connections', async () => {
      const cluster = await startCluster({ adapter, nodes: 1 });
      const [node] = cluster.nodes as [ServerNode];
      const before = await connectionsOf(node);
      const kinds = await node.run((io, _ctx, count) => {
        const adapters = Array.from({ length: count }, (_, n) => io.of(`/namespace-${n}`).adapter);
        const constructors = new Set([...adapters, io.of('/').adapter].map((each) => each.constructor));
        return { different: new Set(adapters).size, constructors: constructors.size };
      }, OTHER_NAMESPACES);
      await cluster.settled({ namespace: `/namespace-${OTHER_NAMESPACES - 1}` });

      expect(kinds).toEqual({ different: OTHER_NAMESPACES, constructors: 1 });
      expect(await connectionsOf(node)).toBe(before);
    });

    check('what is emitted before the adapter is ready is not lost', async () => {
      const cluster = await startCluster({ adapter, nodes: 1 });
      const client = await cluster.connect(0);
      await cluster.addNode({ setup: (io) => void io.emit('early', 1) });

      expect(await client.next('early')).toEqual([[1]]);
    });

    check('close() frees the connections of the adapter, and leaves the given client alone', async () => {
      const cluster = await startCluster({ adapter, nodes: 1, adapterOptions: { blockTimeInMs: 200 } });
      const [node] = cluster.nodes as [ServerNode];
      await node.run((io) => void io.of('/chat'));
      await cluster.settled({ namespace: '/chat' });
      await node.run((io) => io.close());
      let left = 0;
      await waitFor(async () => (left = await connectionsOf(node)) === 1, {
        what: () => `1 connection; ${left} are left`,
      });

      expect(await node.run((_io, ctx) => ctx.redis.ping())).toBe('PONG');
    });

    check('close() may be called again, on the server and on the adapter', async () => {
      const cluster = await startCluster({ adapter, nodes: 1 });
      const outcome = await cluster.node(0).run(async (io) => {
        const { adapter: own } = io.of('/');
        await Promise.all([own.close(), own.close()]);
        await io.close();
        await own.close();
        await io.close();
        return 'closed';
      });

      expect(outcome).toBe('closed');
    });

    check('close() may follow the making of a namespace at once', async () => {
      const cluster = await startCluster({ adapter, nodes: 1, mayExit: true });
      const [node] = cluster.nodes as [ServerNode];
      await node.run(async (io) => {
        io.of('/chat');
        await io.close();
      });

      expect(await node.close()).toEqual({ code: 0, signal: null });
    });

    check('a process ends by itself once server and client are closed', async () => {
      const cluster = await startCluster({
        adapter,
        nodes: 1,
        mayExit: true,
        adapterOptions: { blockTimeInMs: 200 },
        serverOptions: { connectionStateRecovery: {} },
      });
      const [node] = cluster.nodes as [ServerNode];
      const client = await cluster.connect(0);
      await node.run((io) =>
        io
          .timeout(1_000)
          .emitWithAck('unanswered')
          .catch(() => undefined),
      );
      client.close();
      await node.run(async (io, ctx) => {
        await io.close();
        await ctx.redis.close();
        // The channel to the tests would keep it running.
        process.channel?.unref();
      });
      const late = new Promise((resolve) => setTimeout(resolve, 6_000, 'still running').unref());

      expect(await Promise.race([node.exited, late])).toEqual({ code: 0, signal: null });
    });

    check('what emitters outside of the cluster publish is delivered, and they are not counted', async () => {
      const cluster = await startCluster({ adapter, serverOptions: { connectionStateRecovery: {} } });
      const clients = await cluster.connectEach();
      await cluster.join(clients[1]!, 'room');
      await publishAsEmitter(cluster, 'to all', []);
      await publishAsEmitter(cluster, 'to room', ['room']);
      await Promise.all([clients[0]!.next('to all'), clients[1]!.next('to room')]);

      expect(clients.map((client) => client.received('to all'))).toEqual([[[1]], [[1]]]);
      expect(clients.map((client) => client.received('to room'))).toEqual([[], [[1]]]);
      expect(clients[0]!.offsets('to all')).toEqual([expect.stringMatching(OFFSET)]);
      const counts = cluster.nodes.map((node) => node.run((io) => io.of('/').adapter.serverCount()));
      expect(await Promise.all(counts)).toEqual([2, 2]);
      expect(await cluster.node(0).run(async (io) => (await io.fetchSockets()).length)).toBe(2);
    });

    check('two servers in one process that share a factory, on two paths, are two clusters', async () => {
      const cluster = await startCluster({ adapter });
      const urls: string[] = [];
      for (const node of cluster.nodes) {
        urls.push(
          await node.run(async (io, ctx) => {
            const second = await ctx.createServer({ path: '/second' }, ctx.adapterFactory);
            await (second.io.of('/').adapter as { ready?: () => Promise<void> }).ready?.();
            Object.assign(ctx.state, { second: second.io });
            return second.url;
          }),
        );
      }
      const first = await cluster.connectEach();
      const second = await Promise.all(urls.map((url) => cluster.connect(url, { path: '/second' })));
      await cluster.node(0).run((io, ctx) => {
        io.emit('from the first', 1);
        (ctx.state.second as typeof io).emit('from the second', 2);
      });
      await Promise.all([
        ...first.map((client) => client.next('from the first')),
        ...second.map((client) => client.next('from the second')),
      ]);
      await cluster.barrier(first);

      expect(first.flatMap((client) => client.received('from the second'))).toEqual([]);
      expect(second.flatMap((client) => client.received('from the first'))).toEqual([]);
    });
  });
}

/** How many connections to Redis the node has. */
function connectionsOf(node: ServerNode): Promise<number> {
  return node.run(async (_io, ctx) => (await ctx.connections()).filter(({ name }) => name === ctx.options.name).length);
}

/** Writes a broadcast to the stream as a process without a Socket.IO server does. */
async function publishAsEmitter(cluster: Cluster, event: string, rooms: string[]): Promise<void> {
  const BROADCAST = '3';
  const data = { packet: { type: 2, data: [event, 1], nsp: '/' }, opts: { rooms, except: [], flags: {} } };
  await cluster.redis.xAdd(cluster.streamName, '*', {
    uid: 'emitter',
    nsp: '/',
    type: BROADCAST,
    data: JSON.stringify(data),
  });
}
