import { describe, expect, it } from 'vitest';
import { drained } from './support/node-state.js';
import { cutConnections } from './support/outages.js';
import { useOwnRedis } from './support/own-redis.js';
import { heartbeats, trimUnder } from './support/trim-under.js';

const PUBLISHED = 300;
const KEPT = 50;

for (const recovery of [false, true]) {
  describe(`the stream is trimmed under a reader that sleeps (recovery ${recovery ? 'on' : 'off'})`, () => {
    const own = useOwnRedis({
      nodes: 3,
      // one message an entry, so that the number of those that are left is known
      adapterOptions: { heartbeatInterval: 100, heartbeatTimeout: 30_000, interop: true },
      serverOptions: recovery ? { connectionStateRecovery: {} } : {},
    });

    it('a reader whose connection was cut meanwhile counts exactly what it missed', async () => {
      const { redis, cluster } = own();
      const [first, second, asleep] = cluster.nodes;
      const { client, gaps } = await trimUnder({
        cluster,
        asleep: asleep!,
        publishers: [first!, second!],
        published: PUBLISHED,
        kept: KEPT,
        meanwhile: () => cutConnections(redis),
      });

      expect(client.received('message')).toHaveLength(KEPT);
      expect(gaps).toEqual([{ ...gaps[0], missed: 2 * PUBLISHED - KEPT }]);
    });

    it('it is told of once, with the count, and the reader goes on with what there is', async () => {
      const { cluster } = own();
      const [publisher, , asleep] = cluster.nodes;
      const { client, gaps } = await trimUnder({
        cluster,
        asleep: asleep!,
        publishers: [publisher!],
        published: PUBLISHED,
        kept: KEPT,
      });
      const received = client.received('message').map(([, n]) => n as number);

      expect(received.slice(-KEPT)).toEqual([...Array(PUBLISHED).keys()].slice(-KEPT));
      expect(received).toEqual([...new Set(received)].sort((a, b) => a - b));
      expect(gaps).toEqual([{ ...gaps[0], missed: PUBLISHED - received.length }]);
    });

    it('it is told of once where several nodes had published by turns, with as many as are known by then', async () => {
      const { cluster } = own();
      const [first, second, asleep] = cluster.nodes;
      const { client, gaps } = await trimUnder({
        cluster,
        asleep: asleep!,
        publishers: [first!, second!],
        published: PUBLISHED,
        turns: 15,
        kept: KEPT,
      });
      const received = client.received('message');

      // each of them has a part in what is left
      expect(new Set(received.slice(-KEPT).map(([name]) => name))).toEqual(new Set([first!.name, second!.name]));
      expect(gaps).toHaveLength(1);
      expect(gaps[0]!.missed).toBeGreaterThan(0);
      expect(gaps[0]!.missed).toBeLessThanOrEqual(2 * PUBLISHED - received.length);
    });

    it('it is not told of again: not when the connections are cut later, and not with every heartbeat', async () => {
      const { redis, cluster } = own();
      const [silent, second, asleep] = cluster.nodes;
      await trimUnder({
        cluster,
        asleep: asleep!,
        publishers: [silent!, second!],
        published: PUBLISHED,
        kept: KEPT,
      });
      await heartbeats(asleep!, silent!, 2);
      const lost = (await asleep!.recorded('connectionLost')).length;
      await heartbeats(asleep!, silent!, 5);
      expect(await asleep!.recorded('connectionLost')).toHaveLength(lost);

      const { client } = await trimUnder({
        cluster,
        asleep: asleep!,
        publishers: [second!],
        published: PUBLISHED,
        kept: KEPT,
      });
      const gaps = (await asleep!.recorded('gap')).length;
      asleep!.kill('SIGSTOP');
      await cutConnections(redis);
      await second!.run((io) => {
        for (let n = 0; n < 10; n++) io.emit('later', n);
      });
      await drained(second!);
      asleep!.kill('SIGCONT');
      await client.next('later', 10);
      expect(await asleep!.recorded('gap')).toHaveLength(gaps);
    });
  });
}

describe('entries of several messages are trimmed under a reader that sleeps', () => {
  const own = useOwnRedis({ nodes: 3, adapterOptions: { heartbeatInterval: 100, heartbeatTimeout: 30_000 } });

  it('it is told of once, whether the connection was cut meanwhile or not, and the reader goes on with what there is', async () => {
    const { redis, cluster } = own();
    const [first, second, asleep] = cluster.nodes;
    for (const meanwhile of [undefined, () => cutConnections(redis)]) {
      const { client, gaps } = await trimUnder({
        cluster,
        asleep: asleep!,
        publishers: [first!, second!],
        published: PUBLISHED,
        kept: 1,
        ...(meanwhile && { meanwhile }),
      });
      const received = client.received('message').map(([, n]) => n as number);

      expect(received.at(-1)).toBe(PUBLISHED - 1);
      expect(received.length).toBeGreaterThan(1);
      expect(gaps).toHaveLength(1);
      expect(gaps[0]!.missed).toBeGreaterThan(1);
      expect(gaps[0]!.missed).toBeLessThanOrEqual(2 * PUBLISHED - received.length);
    }
  });
});
