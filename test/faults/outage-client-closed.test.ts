import { describe, expect, it } from 'vitest';
import { connected } from './support/node-state.js';
import { cutConnections } from './support/outages.js';
import { useOwnRedis } from './support/own-redis.js';

describe('the client that the adapter was given is closed for good', () => {
  const own = useOwnRedis();

  for (const how of ['close', 'destroy'] as const) {
    it(`${how}(): the connections of the adapter go on, and are made anew when they are lost`, async () => {
      const { redis, cluster } = own();
      const clients = await cluster.connectEach();
      for (const node of cluster.nodes) {
        await node.run((_io, ctx, method) => (ctx.redis.isOpen ? ctx.redis[method]() : undefined), how);
      }
      await cluster.node(0).run((io) => io.emit('closed'));
      for (const client of clients) await client.next('closed');
      await cutConnections(redis);
      await connected(cluster.nodes);
      await cluster.node(0).run((io) => io.emit('lost and found'));

      for (const client of clients) expect(await client.next('lost and found')).toEqual([[]]);
    });
  }
});
