import { describe, expect, it } from 'vitest';
import { startCluster, startRedis, waitFor, type Cluster, type TestClient } from '../harness/index.js';
import { away, claimOf, heir, numbers, send, type Claim } from './support/away.js';
import { RedisProxy } from './support/redis-proxy.js';

const serverOptions = { connectionStateRecovery: {} };
/** How long a client may wait for its session; and how long for its connection, on a machine that has other things to do, too. */
const RESTORE_TIMEOUT = 3_000;
const IN_TIME = 9_000;

describe('a client that comes back while Redis says nothing, and keeps its connections,', () => {
  it('starts afresh in time when that is before its session is found, which is there afterwards', async () => {
    const redis = await startRedis();
    const cluster = await startCluster({
      redisUrl: redis.url,
      serverOptions,
      adapterOptions: { restoreTimeout: RESTORE_TIMEOUT },
    });
    const clients = await lost(cluster);
    const claims = clients.map(claimOf);
    await redis.pause();
    try {
      await startAfresh(cluster, clients);
    } finally {
      await redis.resume();
    }

    await goOn(cluster, clients, claims);
  });

  it('starts afresh in time when that is while what it missed is read, and its session is there afterwards', async () => {
    const proxy = await RedisProxy.start(await startRedis());
    const cluster = await startCluster({
      redisUrl: proxy.url,
      serverOptions,
      adapterOptions: { restoreTimeout: RESTORE_TIMEOUT, recentMaxBytes: 0 },
    });
    const clients = await lost(cluster);
    const claims = clients.map(claimOf);
    proxy.freezeAt('XRANGE');
    try {
      await startAfresh(cluster, clients);
      expect(proxy.frozen).toBe(true);
    } finally {
      proxy.thaw();
    }

    await goOn(cluster, clients, claims);
  });
});

/** One client of each node, which has missed three packets. */
async function lost(cluster: Cluster): Promise<TestClient[]> {
  const clients = await Promise.all(cluster.nodes.map((node) => away(cluster, node, { rooms: ['room'] })));
  await send(cluster.node(0), 'room', 0, 3);
  await cluster.barrier(await cluster.connectEach());
  return clients;
}

/** One client comes back to its own node, and one to another. */
async function startAfresh(cluster: Cluster, clients: readonly TestClient[]): Promise<void> {
  for (const client of clients) void client.connect(cluster.node(0)).catch(() => undefined);
  await waitFor(() => clients.every(({ socket }) => socket.connected), {
    deadline: IN_TIME,
    what: 'the clients to be connected',
  });
  expect(clients.map(({ recovered }) => recovered)).toEqual([false, false]);
}

/** Redis speaks again: the clients that started afresh get what comes, and those that have the sessions all that was missed, once. */
async function goOn(cluster: Cluster, clients: TestClient[], claims: Claim[]): Promise<void> {
  await Promise.all(clients.map((client) => cluster.join(client, 'room')));
  await send(cluster.node(1), 'room', 3, 5);
  for (const client of clients) expect(await client.next('packet', 2)).toEqual([[3], [4]]);

  // what was on its way to Redis when it was given up keeps the session from nobody
  const heirs = await Promise.all(claims.map((claim, i) => heir(cluster, claim).connect(cluster.node(1 - i))));
  await send(cluster.node(1), 'room', 5, 7);
  await cluster.barrier();
  expect(heirs.map(({ recovered }) => recovered)).toEqual([true, true]);
  for (const one of heirs) expect(one.received('packet')).toEqual(numbers(0, 7));
}
