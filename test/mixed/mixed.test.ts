import { describe, expect, it } from 'vitest';
import { startCluster, useCluster, type Cluster, type NodeOptions, type TestClient } from '../harness/index.js';
import { keepEvents } from '../faults/support/own-redis.js';
import { operationsFrom } from './operations.js';

const RECOVERY: NodeOptions = { serverOptions: { connectionStateRecovery: {} } };

const VARIANTS: Record<string, NodeOptions> = {
  'recovery off': {},
  'recovery on': RECOVERY,
  'several streams, sharded channels': { ...RECOVERY, adapterOptions: { streamCount: 3, useShardedPubSub: true } },
  ioredis: { ...RECOVERY, redisClient: 'ioredis' },
};

/** A fleet that is moved node by node: ours, that of Socket.IO's own project, ours. */
function nodes(adapterOptions: NodeOptions['adapterOptions'] = {}): NodeOptions[] {
  const ours: NodeOptions = { adapter: 'ours', adapterOptions: { ...adapterOptions, interop: true } };
  return [ours, { adapter: 'peer', adapterOptions }, ours];
}

describe('a cluster with nodes of @socket.io/redis-streams-adapter', () => {
  for (const [name, variant] of Object.entries(VARIANTS)) {
    describe(name, () => {
      const cluster = useCluster({
        ...variant,
        nodes: nodes(variant.adapterOptions),
        setup: (io) => void io.of(/^\/dynamic-\w+$/),
      });

      describe('from ours', () => operationsFrom(cluster, 0));
      describe('from the peer', () => operationsFrom(cluster, 1));
      if (variant.serverOptions) {
        recoveryAcross(cluster);
      }
    });
  }

  for (const [leaving, name] of ['ours', 'the peer'].entries()) {
    it(`a node of ${name} that leaves is counted and waited for no more`, async () => {
      const cluster = await startCluster({ nodes: nodes() });
      await cluster.node(leaving).close();
      await cluster.settled({ count: 2 });
      const staying = cluster.nodes.filter((_node, index) => index !== leaving);
      const begin = performance.now();
      for (const node of staying) {
        const result = await node.run(async (io) => ({
          sockets: (await io.fetchSockets()).length,
          acks: await io.timeout(10_000).emitWithAck('question'),
        }));
        expect(result).toEqual({ sockets: 0, acks: [] });
      }
      expect(performance.now() - begin).toBeLessThan(4_900);
    });
  }

  it('what the one publishes before the other starts does not disturb it', async () => {
    const cluster = await startCluster({ nodes: [{ adapter: 'peer' }], ...RECOVERY });
    await cluster.node(0).run((io) => {
      for (let n = 0; n < 20; n += 1) {
        io.emit('old', n);
      }
    });
    const joined = await cluster.addNode({ adapter: 'ours', adapterOptions: { interop: true } });
    await cluster.settled();
    const client = await cluster.connect(joined);
    await cluster.node(0).run((io) => io.emit('new', 1));

    expect(await client.next('new')).toEqual([[1]]);
    expect(client.received('old')).toEqual([]);
  });

  it('a node that is not told of nodes of the other package says so, as those cannot read all that it publishes', async () => {
    const cluster = await startCluster({ nodes: [{ adapter: 'peer' }] });
    const joined = await cluster.addNode({ adapter: 'ours', setup: keepEvents });
    await cluster.node(0).run((io) => io.emit('old', 1));
    const [[mismatch]] = (await joined.recorded('nodeMismatch', 1)) as [[{ reason: string; count: number }]];

    expect(mismatch).toMatchObject({ count: 1, reason: expect.stringContaining('give all other nodes') as string });
    expect(mismatch.reason).toMatch(/`interop: true`$/);
  });
});

function recoveryAcross(cluster: () => Cluster): void {
  describe('a session', () => {
    it('carries the same offsets on every node', async () => {
      const clients = await cluster().connectEach();
      for (const [index, node] of cluster().nodes.entries()) {
        await node.run((io, _ctx, n) => io.emit('numbered', n), index);
        await clients[0]!.next('numbered', index + 1);
      }
      await cluster().barrier();
      const [first, second, third] = clients.map((client) => client.offsets('numbered'));

      expect(first).toEqual(first!.map(() => expect.stringMatching(/^\d+-\d+$/)));
      expect([second, third]).toEqual([first, first]);
    });

    for (const [begin, name] of ['ours', 'the peer'].entries()) {
      it(`moves from ${name} to the other and back`, async () => {
        const client = await cluster().connect(begin);
        const witness = await cluster().connect(2);
        await cluster().join(client, 'room');
        await cluster()
          .node(begin)
          .run((io, _ctx, id) => {
            io.of('/').sockets.get(id)!.data = { name: 'Ada' };
            io.emit('numbered', 0);
          }, client.id);
        await client.next('numbered');
        await witness.next('numbered');
        const { id } = client;
        for (const round of [1, 2, 3]) {
          await loseConnection(cluster(), client);
          await missSomething(cluster(), witness, round);
          await client.connect(cluster().node((begin + round) % 2));

          expect(client).toMatchObject({ recovered: true, id });
          expect(await client.next('numbered', 1 + 2 * round)).toEqual(witness.received('numbered'));
          expect(client.offsets('numbered')).toEqual(witness.offsets('numbered'));
          expect((await client.next('to room', round)).at(-1)).toEqual([round, { bytes: Buffer.from('bytes') }]);
          const state = await cluster()
            .nodeOf(client)
            .run((io, _ctx, sid) => {
              const { rooms, data, recovered } = io.of('/').sockets.get(sid)!;
              return { rooms: [...rooms].filter((room) => room !== sid), data: data as unknown, recovered };
            }, id);
          expect(state).toEqual({ rooms: ['room'], data: { name: 'Ada' }, recovered: true });
        }
        await cluster().barrier();

        expect(client.received('numbered')).toEqual(witness.received('numbered'));
        expect(client.received('to another room')).toEqual([]);
      });
    }

    it('of the one is used once, also at the other', async () => {
      for (const index of [0, 1]) {
        const client = await cluster().connect(index);
        await cluster()
          .node(index)
          .run((io) => io.emit('before'));
        await client.next('before');
        const { id, pid, offset } = client;
        await loseConnection(cluster(), client);
        await client.connect(cluster().node(1 - index));
        expect(client.recovered).toBe(true);
        client.close();
        await cluster().barrier();
        const impostors = await Promise.all([0, 1].map((at) => cluster().connect(at, { auth: { pid, offset } })));

        expect(impostors.map((impostor) => impostor.id)).not.toContain(id);
      }
    });
  });
}

async function loseConnection(cluster: Cluster, client: TestClient): Promise<void> {
  await client.drop();
  await cluster.sessionSaved(client);
}

/** Both kinds of node broadcast, one after the other has seen what came before. */
async function missSomething(cluster: Cluster, witness: TestClient, round: number): Promise<void> {
  for (const index of [0, 1]) {
    await cluster.node(index).run((io, _ctx, n) => io.emit('numbered', n), 2 * round + index);
    await witness.next('numbered', 2 * round + index);
  }
  await cluster.node(round % 2).run((io, _ctx, n) => {
    io.to('another room').emit('to another room', n);
    io.to('room').emit('to room', n, { bytes: Buffer.from('bytes') });
  }, round);
  await cluster.barrier([witness]);
}
