import { describe, expect, it } from 'vitest';
import { startCluster, useCluster, type Cluster, type ServerNode } from '../harness/index.js';
import { away, numbers, present, send } from './support/away.js';
import { keepEvents } from './support/own-redis.js';
import { BY_ROOM, indexOf, ROOMS } from './support/rooms.js';

const adapterOptions = BY_ROOM;
const [FIRST, SECOND] = ROOMS as [string, string];
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
        const [afterJoin, afterLeave] = await cluster()
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

        expect([afterJoin, afterLeave]).toEqual([[true], [false]]);
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
        for (const [i, room] of ROOMS.entries())
          await sendTo(cluster.node(i % 2), room, 10 * round, 10 * round + i + 1);
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

      for (const [i, room] of ROOMS.entries()) {
        const sent = [0, 1, 2, 3].flatMap((round) => Array.from({ length: i + 1 }, (_, n) => [room, 10 * round + n]));
        expect(client.received('packet').filter(([name]) => name === room)).toEqual(sent);
      }
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
    for (const room of ROOMS) await sendTo(cluster.node(0), room, 0, 3);
    const connected = client.connect(cluster.node(1));
    await cluster.node(1).recorded('waiting', 1);
    for (const room of ROOMS) await sendTo(cluster.node(0), room, 3, 6);
    await cluster.node(1).run(async (io, ctx) => {
      await io.fetchSockets();
      (ctx.state['next'] as () => void)();
    });
    await connected;

    expect(client.recovered).toBe(true);
    await client.next('packet', 18);
    await cluster.barrier();
    expect(client.received('packet')).toHaveLength(18);
    for (const room of ROOMS) {
      const packets = client.received('packet').filter(([name]) => name === room);
      expect(packets).toEqual([0, 1, 2, 3, 4, 5].map((n) => [room, n]));
    }
  });

  it('starts afresh when the stream of one of them no longer holds what it missed, and not when that of another does not', async () => {
    const cluster = await startCluster({ adapterOptions, serverOptions });
    const harmed = await away(cluster, 0, { rooms: [FIRST, SECOND] });
    let unharmed = await present(cluster, 0, { rooms: [FIRST] });
    // its id is a room, too
    while (indexOf(unharmed.id) === 1) unharmed = await present(cluster, 0, { rooms: [FIRST] });
    await unharmed.drop();
    await cluster.sessionSaved(unharmed);
    await send(cluster.node(0), FIRST, 0, 5);
    await send(cluster.node(0), SECOND, 0, 5);
    await waitUntilPublished(cluster);
    await cluster.redis.xTrim(`${cluster.streamName}-1`, 'MAXLEN', 0);
    // one that has not read them itself
    const node = await cluster.addNode();
    await harmed.connect(node);
    await unharmed.connect(node);

    expect(harmed.recovered).toBe(false);
    expect(unharmed.recovered).toBe(true);
    expect(await unharmed.next('packet', 5)).toEqual(numbers(0, 5));
  });
});

describe('a client of rooms that are spread over three streams, one of which began anew', () => {
  it.each([
    ['is recovered from the others', [FIRST]],
    ['is recovered from all of them, as long as it missed nothing of that one', [FIRST, SECOND]],
  ])('%s', async (_title, rooms) => {
    const cluster = await startCluster({
      adapterOptions: { ...adapterOptions, blockTimeInMs: 200 },
      serverOptions,
      setup: keepEvents,
    });
    await Promise.all(ROOMS.map((room) => send(cluster.node(0), room, 0, 3)));
    await waitUntilPublished(cluster);
    await cluster.redis.del(`${cluster.streamName}-1`);
    for (const node of cluster.nodes) await node.recorded('streamReset', 1, { deadline: 20_000 });
    // nothing is published there from now on: its own id must be elsewhere, too
    let client = await cluster.connect(0);
    while (indexOf(client.id) === 1) client = await cluster.connect(0);
    await cluster.node(0).run(
      async (io, _ctx, id, names) => {
        await io.sockets.sockets.get(id)!.join(names);
        io.to(names[0]!).emit('before');
      },
      client.id,
      rooms,
    );
    await client.next('before');
    for (const [round, node] of [1, 0].entries()) {
      await client.drop();
      await cluster.sessionSaved(client);
      await send(cluster.node(0), FIRST, 3 * round, 3 * round + 3);
      await client.connect(cluster.node(node));

      expect(client.recovered).toBe(true);
      expect(await client.next('packet', 3 * round + 3)).toEqual(numbers(0, 3 * round + 3));
    }
    await send(cluster.node(1), SECOND, 6, 7);
    if (rooms.includes(SECOND)) expect(await client.next('packet', 7)).toEqual(numbers(0, 7));
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

/** Makes the node send the numbers from `from` to `to` (not included) to a room, with its name. */
async function sendTo(node: ServerNode, room: string, from: number, to: number): Promise<void> {
  await node.run(
    (io, _ctx, name, first, end) => {
      for (let n = first; n < end; n += 1) io.to(name).emit('packet', name, n);
    },
    room,
    from,
    to,
  );
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
