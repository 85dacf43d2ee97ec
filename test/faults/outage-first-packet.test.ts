import { describe, expect, it } from 'vitest';
import { startCluster, startRedis } from '../harness/index.js';
import { connected } from './support/node-state.js';
import { OUTAGES } from './support/outages.js';
import { Traffic, UNHARMED } from './support/traffic.js';

const MESSAGES = 500;

for (const recovery of [false, true]) {
  describe(`Redis goes away before anything was ever published (recovery ${recovery ? 'on' : 'off'})`, () => {
    for (const { name, begin, end } of OUTAGES) {
      it(`${name}: nothing is lost, nothing comes twice or out of order, on either node, from the first packet on`, async () => {
        const redis = await startRedis({ appendOnly: true });
        const cluster = await startCluster({
          redisUrl: redis.url,
          serverOptions: recovery ? { connectionStateRecovery: {} } : {},
          // what is trimmed while one node is back sooner than the other is another matter
          adapterOptions: { maxLen: 1_000_000 },
        });
        const clients = await cluster.connectEach();
        expect(await cluster.redis.exists(cluster.streamName)).toBe(0);
        // they wake up to the outage and to their first packet at once: nobody is connected again in between
        for (const node of cluster.nodes) node.kill('SIGSTOP');
        await begin(redis);
        const starting = Traffic.start(cluster, clients);
        for (const node of cluster.nodes) node.kill('SIGCONT');
        const traffic = await starting;
        await end(redis, cluster.nodes, traffic);
        const harm = await traffic.end(MESSAGES);

        expect(harm).toEqual([UNHARMED, UNHARMED]);
        if (recovery) expect(clients[0]!.received(traffic.event)).toEqual(clients[1]!.received(traffic.event));
        await connected(cluster.nodes);
      });
    }
  });
}
