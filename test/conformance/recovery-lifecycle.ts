import { describe, expect } from 'vitest';
import { startCluster, waitFor } from '../harness/index.js';
import { connectAndReceive, expectFresh, waitForTexts } from './sessions.js';
import type { Suite } from './suite.js';

/** What needs nodes of its own, once for an adapter. */
export function recoveryLifecycle({ adapter, check }: Pick<Suite, 'adapter' | 'check'>): void {
  describe('recovery across the life of nodes', () => {
    check('the clients of a node that shuts down recover at another', async () => {
      const cluster = await startCluster({ adapter, serverOptions: { connectionStateRecovery: {} } });
      const client = await connectAndReceive(cluster, 0);
      await cluster.join(client, 'room');
      const { id } = client;
      await cluster.node(0).close();
      await client.disconnected();
      await cluster.sessionSaved(client);
      await cluster.node(1).run((io) => io.to('room').emit('missed', 1));
      await client.connect(cluster.node(1));

      expect(client).toMatchObject({ recovered: true, id });
      expect(await client.next('missed')).toEqual([[1]]);
    });

    check('a session that has expired makes a fresh connection', async () => {
      const cluster = await startCluster({
        adapter,
        nodes: 1,
        serverOptions: { connectionStateRecovery: { maxDisconnectionDuration: 2_000 } },
      });
      const client = await connectAndReceive(cluster, 0);
      const { id } = client;
      await client.drop();
      const key = await cluster.sessionSaved(client);
      await waitFor(async () => (await cluster.redis.exists(key)) === 0, { what: 'the session to expire' });
      await client.connect();

      expect(client.recovered).toBe(false);
      await expectFresh(cluster, client, id);
    });

    check('a client whose missed packets were trimmed starts afresh', async () => {
      const cluster = await startCluster({ adapter, nodes: 1, serverOptions: { connectionStateRecovery: {} } });
      const client = await connectAndReceive(cluster, 0);
      const { id } = client;
      await client.drop();
      await cluster.sessionSaved(client);
      for (const n of [1, 2, 3]) {
        await cluster.node(0).run((io, _ctx, value) => void io.emit('missed', value), n);
        await waitForTexts(cluster, '"missed"', n);
      }
      await cluster.redis.xTrim(cluster.streamName, 'MAXLEN', 1);
      // A node that has not read them itself: there is no other trace of the packets.
      await client.connect(await cluster.addNode());

      expect(client.recovered).toBe(false);
      await expectFresh(cluster, client, id);
    });

    check('skipMiddlewares is honoured', async () => {
      const cluster = await startCluster({
        adapter,
        nodes: [{}, { serverOptions: { connectionStateRecovery: { skipMiddlewares: false } } }],
        serverOptions: { connectionStateRecovery: {} },
        setup: (io, ctx) => {
          io.use((socket, next) => {
            ctx.record('middleware')(socket.recovered);
            setImmediate(next);
          });
        },
      });
      const client = await connectAndReceive(cluster, 0);
      for (const node of [0, 1]) {
        await client.drop();
        await cluster.sessionSaved(client);
        await client.connect(cluster.node(node));
        expect(client.recovered).toBe(true);
      }

      expect(await cluster.node(0).recorded('middleware')).toEqual([[false]]);
      expect(await cluster.node(1).recorded('middleware')).toEqual([[true]]);
    });
  });
}
