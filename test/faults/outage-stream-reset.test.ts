import { describe, expect, it } from 'vitest';
import type { RedisServer } from '../../src/testing/index.js';
import type { Cluster } from '../harness/index.js';
import { connected } from './support/node-state.js';
import { useOwnRedis } from './support/own-redis.js';
import { addEntry } from './support/plain-redis.js';

/** An id that the clock reaches in the year 2096. */
const FAR_FUTURE = '4000000000000-7';

interface Reset {
  name: string;
  strike(redis: RedisServer, cluster: Cluster): Promise<unknown>;
}

const RESETS: Reset[] = [
  { name: 'it is deleted', strike: (_redis, { redis, streamName }) => redis.del(streamName) },
  { name: 'everything is flushed', strike: (redis) => redis.command('FLUSHALL') },
  {
    name: 'Redis is restarted empty',
    strike: async (redis) => {
      await redis.kill();
      await redis.restart({ empty: true });
    },
  },
];

for (const recovery of [false, true]) {
  describe(`the stream begins anew (recovery ${recovery ? 'on' : 'off'})`, () => {
    const own = useOwnRedis({
      adapterOptions: { blockTimeInMs: 300 },
      serverOptions: recovery ? { connectionStateRecovery: {} } : {},
    });

    for (const { name, strike } of RESETS) {
      for (const ahead of [false, true]) {
        it(`${name}${ahead ? ', and its ids were ahead of the clock' : ''}: every node tells once, and reads on from the new beginning`, async () => {
          const { redis, cluster } = own();
          const clients = await cluster.connectEach();
          const told = (await resets(cluster))[0]!;
          await publish(cluster, 'before', ahead ? FAR_FUTURE : '*');
          for (const client of clients) await client.next('before');
          await strike(redis, cluster);
          await connected(cluster.nodes);
          // by somebody who is no node: nobody says how far they have come, neither to themselves nor to the others
          for (let n = 0; n < 20; n++) await publish(cluster, 'after');

          for (const client of clients) await client.next('after', 20);
          for (const node of cluster.nodes) await node.recorded('streamReset', told + 1);
          await cluster.barrier();
          expect(await resets(cluster)).toEqual([told + 1, told + 1]);
          for (const client of clients) expect(client.received('after')).toHaveLength(20);
        });
      }
    }
  });
}

async function publish(cluster: Cluster, event: string, id = '*'): Promise<void> {
  const opts = { rooms: [], except: [], flags: {} };
  const data = JSON.stringify({ opts, packet: { type: 2, data: [event, 'from somebody'] } });
  await addEntry(cluster, { uid: 'somebody', nsp: '/', type: '3', data }, id);
}

/** How often each node told of a new beginning. */
function resets({ nodes }: Cluster): Promise<number[]> {
  return Promise.all(nodes.map(async (node) => (await node.recorded('streamReset')).length));
}
