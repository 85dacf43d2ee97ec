import { describe, expect, it } from 'vitest';
import { connected } from './support/node-state.js';
import { OUTAGES } from './support/outages.js';
import { useOwnRedis } from './support/own-redis.js';
import { Traffic, UNHARMED } from './support/traffic.js';

const MESSAGES = 2_000;

for (const recovery of [false, true]) {
  describe(`Redis is away while both nodes publish (recovery ${recovery ? 'on' : 'off'})`, () => {
    const own = useOwnRedis({
      redis: { appendOnly: true },
      serverOptions: recovery ? { connectionStateRecovery: {} } : {},
      // what is trimmed while one node is back sooner than the other is another matter
      adapterOptions: { maxLen: 1_000_000 },
    });

    for (const { name, begin, end } of OUTAGES) {
      it(`${name}: nothing is lost, nothing comes twice or out of order, on either node`, async () => {
        const { redis, cluster } = own();
        const clients = await cluster.connectEach();
        const traffic = await Traffic.start(cluster, clients);
        await traffic.flows(100);
        await begin(redis);
        await end(redis, cluster.nodes, traffic);
        await traffic.flows(100);
        const harm = await traffic.end(MESSAGES);

        expect(harm).toEqual([UNHARMED, UNHARMED]);
        if (recovery) expect(clients[0]!.received(traffic.event)).toEqual(clients[1]!.received(traffic.event));
        await connected(cluster.nodes);
      });
    }
  });
}
