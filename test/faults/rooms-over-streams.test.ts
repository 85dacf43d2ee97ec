import { describe, expect, it } from 'vitest';
import { Routing } from '../../src/adapter/stream/routing.js';
import { startCluster, useCluster, type Cluster } from '../harness/index.js';
import { away, numbers, present, send } from './support/away.js';

/** Rooms that are in different streams of three. */
const ROOMS = ['room-0', 'room-1', 'room-2'];

const adapterOptions = { streamBy: 'room', streamCount: 3 } as const;
const serverOptions = { connectionStateRecovery: {} };

for (const recovery of [false, true]) {
  describe(`rooms that are spread over three streams (recovery: ${recovery})`, () => {
    const cluster = useCluster({ adapterOptions, ...(recovery && { serverOptions }) });

    it('are in a stream each, and have their packets in order', async () => {
      const before = await lengths(cluster());
      const [near, far] = [
        await present(cluster(), 0, { rooms: ROOMS }),
        await present(cluster(), 1, { rooms: ROOMS }),
      ];
      await cluster()
        .node(0)
        .run((io, _ctx, rooms) => {
          for (let n = 0; n < 300; n += 1) io.to(rooms[n % 3]!).emit(rooms[n % 3]!, n);
        }, ROOMS);
      for (const client of [near, far]) {
        for (const [i, room] of ROOMS.entries()) {
          expect(await client.next(room, 100)).toEqual(Array.from({ length: 100 }, (_, n) => [3 * n + i]));
        }
      }

      const after = await lengths(cluster());
      for (const i of [0, 1, 2]) expect(after[i]).toBeGreaterThan(before[i]!);
    });

    it('have everything that is done to them in order', async () => {
      for (const room of ROOMS) {
        const client = await present(cluster(), 1, { rooms: [room] });
        const [inBoth, answers] = await cluster()
          .node(0)
          .run(async (io, _ctx, name) => {
            io.in(name).socketsJoin('another');
            const sockets = await io.in(name).fetchSockets();
            io.in(name).socketsLeave('another');
            const left = await io.in(name).fetchSockets();
            for (let n = 0; n < 50; n += 1) io.to(name).emit('packet', n);
            io.in(name).disconnectSockets(true);
            const has = (list: typeof sockets): boolean[] => list.map(({ rooms }) => rooms.has('another'));
            return [has(sockets), has(left)];
          }, room);
        await client.disconnected();

        expect([inBoth, answers]).toEqual([[true], [false]]);
        expect(client.received('packet')).toEqual(numbers(0, 50));
      }
    });

    it('have their sockets when what made them join has been answered', async () => {
      const client = await present(cluster(), 1, { rooms: ['lobby'] });
      for (let n = 0; n < 50; n += 1) {
        await cluster()
          .node(0)
          .run(
            async (io, _ctx, room, value) => {
              io.in('lobby').socketsJoin(room);
              await io.in('lobby').fetchSockets();
              io.to(room).emit('packet', value);
            },
            `match-${n}`,
            n,
          );
      }

      expect(await client.next('packet', 50)).toEqual(numbers(0, 50));
    });
  });
}

describe('a client of rooms that are spread over three streams', () => {
  for (const recentMaxBytes of [0, undefined]) {
    const source = recentMaxBytes === 0 ? 'Redis' : 'memory';
    it(`gets what it missed of each, and goes on from there when it is lost again (from ${source})`, async () => {
      const cluster = await startCluster({
        adapterOptions: { ...adapterOptions, ...(recentMaxBytes !== undefined && { recentMaxBytes }) },
        serverOptions,
      });
      const client = await away(cluster, 0, { rooms: ROOMS });
      for (let round = 0; round < 4; round += 1) {
        for (const [i, room] of ROOMS.entries()) await send(cluster.node(i % 2), room, 10 * round, 10 * round + i + 1);
        await cluster.node(0).run((io, _ctx, n) => io.emit('to all', n), round);
        await client.connect(cluster.node((round + 1) % 2));

        expect(client.recovered).toBe(true);
        await client.next('packet', 6 * (round + 1));
        await client.next('to all', round + 1);
        await client.drop();
        await cluster.sessionSaved(client);
      }
      await client.connect(cluster.node(1));
      await cluster.barrier();

      const sent = [0, 1, 2, 3].flatMap((round) => [0, 0, 0, 1, 1, 2].map((n) => 10 * round + n));
      expect(sorted(client.received('packet'))).toEqual(sent);
      expect(client.received('to all')).toEqual(numbers(0, 4));
    });
  }

  it('gets what came while a middleware let it wait, and nothing twice', async () => {
    const cluster = await startCluster({
      adapterOptions,
      serverOptions: { connectionStateRecovery: { skipMiddlewares: false } },
      setup: (io, ctx) => {
        io.use((socket, next) => {
          if (socket.handshake.auth['pid'] === undefined) return next();
          ctx.state['next'] = next;
          ctx.record('waiting')();
        });
      },
    });
    const client = await away(cluster, 0, { rooms: ROOMS });
    for (const room of ROOMS) await send(cluster.node(0), room, 0, 3);
    const connected = client.connect(cluster.node(1));
    await cluster.node(1).recorded('waiting', 1);
    for (const room of ROOMS) await send(cluster.node(0), room, 3, 6);
    await cluster.node(1).run(async (io, ctx) => {
      await io.fetchSockets();
      (ctx.state['next'] as () => void)();
    });
    await connected;

    expect(client.recovered).toBe(true);
    await client.next('packet', 18);
    await cluster.barrier();
    expect(sorted(client.received('packet'))).toEqual([0, 1, 2, 3, 4, 5].flatMap((n) => [n, n, n]));
  });

  it('starts afresh when the stream of one of them no longer holds what it missed, and not when that of another does not', async () => {
    const cluster = await startCluster({ adapterOptions, serverOptions });
    const routing = new Routing({ ...adapterOptions, streamName: cluster.streamName });
    const trimmed = routing.streamOf('/', ['room-1']);
    const harmed = await away(cluster, 0, { rooms: ['room-0', 'room-1'] });
    let unharmed = await present(cluster, 0, { rooms: ['room-0'] });
    // its id is a room, too
    while (routing.streamOf('/', [unharmed.id]) === trimmed)
      unharmed = await present(cluster, 0, { rooms: ['room-0'] });
    await unharmed.drop();
    await cluster.sessionSaved(unharmed);
    await send(cluster.node(0), 'room-0', 0, 5);
    await send(cluster.node(0), 'room-1', 0, 5);
    await waitUntilPublished(cluster);
    await cluster.redis.xTrim(trimmed, 'MAXLEN', 0);
    // one that has not read them itself
    const node = await cluster.addNode();
    await harmed.connect(node);
    await unharmed.connect(node);

    expect(harmed.recovered).toBe(false);
    expect(unharmed.recovered).toBe(true);
    expect(await unharmed.next('packet', 5)).toEqual(numbers(0, 5));
  });
});

describe('a node whose namespaces are spread, among others whose rooms are', () => {
  it('is refused', async () => {
    const cluster = await startCluster({ adapterOptions });
    const error = await cluster.addNode({ adapterOptions: { streamBy: 'namespace' } }).then(
      () => expect.fail('It started.'),
      (failure: Error) => failure,
    );

    expect(error).toMatchObject({ name: 'InvalidOptionError', option: 'streamBy' });
    expect(error.message).toMatch(/^Option `streamBy` is namespace, but room on node \w+ of the cluster: /);
  });
});

function sorted(packets: unknown[][]): number[] {
  return packets.map(([n]) => n as number).toSorted((a, b) => a - b);
}

function lengths(cluster: Cluster): Promise<number[]> {
  return Promise.all([0, 1, 2].map((i) => cluster.redis.xLen(`${cluster.streamName}-${i}`)));
}

/** Everything that node 0 has published is in Redis: it has been answered in the stream of each room. */
async function waitUntilPublished(cluster: Cluster): Promise<void> {
  await cluster.node(0).run(async (io, _ctx, rooms) => {
    for (const room of rooms) await io.in(room).fetchSockets();
  }, ROOMS);
}
