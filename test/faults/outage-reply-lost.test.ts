import { describe, expect, it } from 'vitest';
import { startCluster, startRedis, waitFor } from '../harness/index.js';
import { logMessages } from '../harness/log-messages.js';
import { connected } from './support/node-state.js';
import { keepEvents } from './support/own-redis.js';
import { RedisProxy } from './support/redis-proxy.js';
import { Traffic, UNHARMED } from './support/traffic.js';

describe('Redis has added a message, and its reply is lost with the connection', () => {
  for (const recovery of [false, true]) {
    it(`the message is sent again, and delivered once, in its place (recovery ${recovery ? 'on' : 'off'})`, async () => {
      const redis = await startRedis();
      const proxy = await RedisProxy.start(redis);
      const cluster = await startCluster({
        redisUrl: proxy.url,
        serverOptions: recovery ? { connectionStateRecovery: {} } : {},
      });
      const clients = await cluster.connectEach();
      const traffic = await Traffic.start(cluster, clients);
      await traffic.flows(10);
      proxy.loseReplies(20);
      await waitFor(() => proxy.lost >= 5, { deadline: 20_000, what: 'replies to be lost' });
      proxy.loseReplies(0);

      expect(await traffic.end()).toEqual([UNHARMED, UNHARMED]);
      const published = clients[0]!.received(traffic.event).length;
      expect((await logMessages(cluster)).length).toBeGreaterThan(published);
    });
  }
});

describe('connections that are dead without a word', () => {
  it('are given up, and everything that was under way on them arrives once and in order', async () => {
    const redis = await startRedis();
    const proxy = await RedisProxy.start(redis);
    const cluster = await startCluster({
      redisUrl: proxy.url,
      setup: keepEvents,
      adapterOptions: { blockTimeInMs: 100, heartbeatInterval: 500, heartbeatTimeout: 1_000 },
      serverOptions: { connectionStateRecovery: {} },
    });
    const clients = await cluster.connectEach();
    const traffic = await Traffic.start(cluster, clients, { every: 20 });
    await traffic.flows(50);
    proxy.mute();
    await Promise.all(
      cluster.nodes.map((node) =>
        waitFor(
          async () =>
            new Set((await node.recorded('connectionLost')).map(([event]) => (event as { role: string }).role)).size ===
            3,
          {
            deadline: 40_000,
            interval: 50,
            what: 'every connection to be given up',
          },
        ),
      ),
    );
    await connected(cluster.nodes);

    expect(await traffic.end()).toEqual([UNHARMED, UNHARMED]);
  });
});
