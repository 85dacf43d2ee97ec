import { describe, expect, it } from 'vitest';
import { startCluster, startRedis } from '../harness/index.js';
import { drained } from './support/node-state.js';
import { cutConnections } from './support/outages.js';

const PUBLISHED = 600;

describe('a node is cut off from Redis before it has read anything', () => {
  for (const { stream, recovery } of [
    { stream: 'is not there yet', recovery: false },
    { stream: 'is old', recovery: true },
  ]) {
    it(`its clients get everything from the first packet on, on a stream that ${stream} (recovery ${recovery ? 'on' : 'off'})`, async () => {
      const redis = await startRedis();
      const serverOptions = recovery ? { connectionStateRecovery: {} } : {};
      const cluster = await startCluster({ redisUrl: redis.url, nodes: 1, serverOptions });
      if (stream === 'is old') {
        const client = await cluster.connect(0);
        await cluster.node(0).run((io) => void io.emit('before'));
        await client.next('before');
      }
      const far = await cluster.addNode();
      await cluster.settled();
      const client = await cluster.connect(far);
      far.kill('SIGSTOP');
      await cutConnections(redis);
      await cluster.node(0).run((io, _ctx, count) => {
        for (let n = 0; n < count; n++) io.emit('message', n);
      }, PUBLISHED);
      await drained(cluster.node(0));
      far.kill('SIGCONT');
      await client.next('message', PUBLISHED, { deadline: 15_000 });
      await cluster.barrier();

      expect(client.events.map(({ args }) => args[0])).toEqual([...Array(PUBLISHED).keys()]);
    });
  }
});
