import { describe, expect, it } from 'vitest';
import { startCluster, startRedis, waitFor } from '../harness/index.js';
import { logMessages } from '../harness/log-messages.js';
import type { ServerNode } from '../harness/server-node.js';
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
        // the entries are counted
        adapterOptions: { maxLen: 1_000_000 },
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
  for (const recovery of [false, true]) {
    it(`are given up, and everything that was under way on them arrives once and in order (recovery ${recovery ? 'on' : 'off'})`, async () => {
      const redis = await startRedis();
      const proxy = await RedisProxy.start(redis);
      const cluster = await startCluster({
        redisUrl: proxy.url,
        setup: keepEvents,
        adapterOptions: { blockTimeInMs: 100, heartbeatInterval: 500, heartbeatTimeout: 1_000 },
        serverOptions: recovery ? { connectionStateRecovery: {} } : {},
      });
      const clients = await cluster.connectEach();
      const traffic = await Traffic.start(cluster, clients, { every: 20 });
      await traffic.flows(50);
      proxy.mute();
      await Promise.all(cluster.nodes.map((node) => givenUp(node, ['reader', 'subscriber', 'writer'])));
      await connected(cluster.nodes);

      expect(await traffic.end()).toEqual([UNHARMED, UNHARMED]);
    });
  }

  for (const { how, redisClient, ephemeral, roles } of [
    { how: 'redis, channels', redisClient: 'redis', ephemeral: 'pubsub', roles: ['reader', 'subscriber', 'writer'] },
    { how: 'ioredis, without channels', redisClient: 'ioredis', ephemeral: 'stream', roles: ['reader', 'writer'] },
  ] as const) {
    it(`are given up by a node that publishes nothing, too, and it is back in the cluster (${how})`, async () => {
      const redis = await startRedis();
      const proxy = await RedisProxy.start(redis);
      const cluster = await startCluster({
        redisUrl: redis.url,
        setup: keepEvents,
        redisClient,
        adapterOptions: { ephemeral, blockTimeInMs: 500, heartbeatInterval: 500, heartbeatTimeout: 1_500 },
        nodes: [{}, { redisUrl: proxy.url }],
      });
      const [near, far] = await cluster.connectEach();
      const before = await cluster.node(0).recorded('nodeJoined', 1);
      proxy.deaden();
      await cluster.node(0).recorded('nodeLeft', 1);
      await cluster.node(0).recorded('nodeJoined', before.length + 1, { deadline: 25_000 });
      await givenUp(cluster.node(1), roles);

      // asked last, as a request is published
      await connected(cluster.nodes);
      await cluster.settled();
      for (const node of cluster.nodes) {
        const ids = await node.run(async (io) => (await io.fetchSockets()).map(({ id }) => id));
        expect(ids.toSorted()).toEqual([near!.id, far!.id].toSorted());
      }
    });
  }
});

/** Waits until the node has given up its connections of these roles. */
async function givenUp(node: ServerNode, roles: readonly string[]): Promise<void> {
  await waitFor(
    async () => {
      const lost = (await node.recorded('connectionLost')).map(([event]) => (event as { role: string }).role);
      return roles.every((role) => lost.includes(role));
    },
    { deadline: 40_000, interval: 50, what: `every connection of ${node.name} to be given up` },
  );
}
