import { describe, expect, it } from 'vitest';
import { startCluster, startRedis, waitFor } from '../harness/index.js';
import { commandStats } from './support/command-stats.js';

const INTERVAL = 200;

describe('heartbeats', () => {
  it('cost one message a node, however many namespaces there are, and take no room in the stream', async () => {
    const redis = await startRedis();
    const cluster = await startCluster({
      redisUrl: redis.url,
      adapterOptions: { heartbeatInterval: INTERVAL, heartbeatTimeout: 10_000 },
      setup: (io) => {
        for (let i = 0; i < 50; i += 1) io.of(`/namespace-${i}`);
      },
    });
    await cluster.settled({ namespace: '/namespace-49' });
    const published = async (): Promise<number> => (await commandStats(redis, 'publish')).calls;
    const start = performance.now();
    const before = await published();
    const messages = await waitFor(async () => {
      const count = (await published()) - before;
      return count >= 20 && count;
    });
    const intervals = (performance.now() - start) / INTERVAL;

    // two nodes; a timer is late on a busy machine, and never early
    expect(messages / 2).toBeLessThanOrEqual(intervals + 2);
    expect(await cluster.redis.exists(cluster.streamName)).toBe(0);
    // nobody was missed for want of heartbeats in a namespace of its own
    await cluster.settled({ namespace: '/namespace-0' });
  });
});
