import { describe, expect, it } from 'vitest';
import { startCluster, startRedis } from '../harness/index.js';
import { joinRoom, joinRoomAfterMiddleware, joinRooms, underFire, type FireReport } from './support/fire.js';
import { BY_ROOM, ROOMS } from './support/rooms.js';

// A deadline is there to end a hang, not to measure a busy machine.
const adapterOptions = { restoreTimeout: 30_000 };
const timeout = 180_000;

/** Ten of each client; it is half as many again as a rule, and more on a busy machine. */
const RETURNS = 300;

describe('clients that lose their connection under traffic', { timeout }, () => {
  it('get every packet once and in the one order of the cluster', async () => {
    const cluster = await startCluster({
      setup: joinRoom,
      adapterOptions,
      serverOptions: { connectionStateRecovery: {} },
    });
    const result = await underFire(cluster);

    expectUnharmed(result);
    expect(result.returns).toBeGreaterThan(RETURNS);
  });

  for (const skipMiddlewares of [true, false]) {
    it(`do so with an asynchronous middleware (skipMiddlewares: ${skipMiddlewares}) and packets that are not replayed between`, async () => {
      const cluster = await startCluster({
        setup: joinRoomAfterMiddleware,
        adapterOptions,
        serverOptions: { connectionStateRecovery: { skipMiddlewares } },
      });
      const result = await underFire(cluster, { mixed: true });

      expectUnharmed(result);
      expect(result.returns).toBeGreaterThan(RETURNS);
      expect(result.mixed).toBeGreaterThan(0);
    });
  }

  it('do so when Redis is killed and restarted meanwhile', async () => {
    const redis = await startRedis({ appendOnly: true });
    const cluster = await startCluster({
      redisUrl: redis.url,
      setup: joinRoom,
      adapterOptions,
      serverOptions: { connectionStateRecovery: {} },
    });
    const result = await underFire(cluster, {
      mixed: true,
      halfway: async () => {
        await redis.kill();
        await redis.restart();
      },
    });

    expectUnharmed(result);
    expect(result.returns).toBeGreaterThan(RETURNS);
  });

  it("do so when one of the nodes is killed meanwhile, with `sessions: 'crash-safe'`", async () => {
    const cluster = await startCluster({
      nodes: 3,
      setup: joinRoom,
      adapterOptions: { ...adapterOptions, sessions: 'crash-safe', heartbeatInterval: 300, heartbeatTimeout: 1_500 },
      serverOptions: { connectionStateRecovery: {} },
    });
    const doomed = cluster.node(2);
    const result = await underFire(cluster, {
      mixed: true,
      // what a node has not published yet is lost with it
      publishers: cluster.nodes.slice(0, 2),
      halfway: async () => {
        doomed.kill('SIGKILL');
        await doomed.exited;
      },
    });

    expectUnharmed(result);
    expect(result.returns).toBeGreaterThan(RETURNS);
  });

  it('do so when they are in rooms of several streams, and Redis is killed and restarted meanwhile', async () => {
    const redis = await startRedis({ appendOnly: true });
    const cluster = await startCluster({
      redisUrl: redis.url,
      setup: joinRooms,
      adapterOptions: { ...adapterOptions, ...BY_ROOM },
      serverOptions: { connectionStateRecovery: {} },
    });
    const result = await underFire(cluster, {
      rooms: [...ROOMS, ''],
      mixed: true,
      halfway: async () => {
        await redis.kill();
        await redis.restart();
      },
    });
    const used = await Promise.all([0, 1, 2].map((i) => cluster.redis.xLen(`${cluster.streamName}-${i}`)));

    expectUnharmed(result);
    expect(result.returns).toBeGreaterThan(RETURNS);
    expect(used.every((length) => length > 0)).toBe(true);
  });
});

function expectUnharmed({ lost, twice, outOfOrder, differing, notRecovered }: FireReport): void {
  expect({ lost, twice, outOfOrder, differing, notRecovered }).toEqual({
    lost: 0,
    twice: 0,
    outOfOrder: 0,
    differing: 0,
    notRecovered: 0,
  });
}
