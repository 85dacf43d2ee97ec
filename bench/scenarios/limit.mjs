import { cpuOf, onRedis, redisCpu } from '../cluster.mjs';
import { redisBenchmark } from '../redis-benchmark.mjs';

/** Bytes of an entry, without its id. */
const SIZE = 200;

/** As much as the nodes of the other scenarios keep. */
const MAX_LEN = 10_000;

/** Entries at a time of XREAD. */
const MOST = 100;

/** Entries until the code is compiled: what is measured is what goes on for hours. */
const WARM_UP = 20_000;

const CONTESTANTS = {
  'redis-benchmark, XADD, 16 at a time': (count) =>
    onRedis([], async (redis) => {
      const before = await redisCpu(redis);
      const add = ['XADD', 'stream', 'MAXLEN', '~', String(MAX_LEN), '*', 'data', 'x'.repeat(SIZE)];
      const perSecond = await redisBenchmark(redis, ['-n', String(count), '-P', '16', ...add]);
      if (perSecond === undefined) return { 'messages/s': 'not found' };
      return { 'messages/s': perSecond, 'Redis, CPU µs': ((await redisCpu(redis)) - before) / count };
    }),
  'node-redis 6, XADD, in turns of 20': (count) =>
    onRedis([['./raw-client.mjs']], async (redis, [client]) => {
      await client.ask('add', { count: WARM_UP, size: SIZE, maxLen: MAX_LEN });
      return measure(redis, client, count, () => client.ask('add', { count, size: SIZE, maxLen: MAX_LEN }));
    }),
  [`node-redis 6, XREAD, ${MOST} at a time`]: (count) =>
    onRedis([['./raw-client.mjs']], async (redis, [client]) => {
      await client.ask('add', { count: MAX_LEN, size: SIZE, maxLen: MAX_LEN });
      await client.ask('read', { count: WARM_UP, most: MOST });
      return measure(redis, client, count, () => client.ask('read', { count, most: MOST }));
    }),
};

/** What no adapter can do better, if each message is an entry. */
export const limit = {
  name: 'The limit',
  note:
    `What Redis and its client do with nothing around them, an entry of ${SIZE} B for each message: no socket is served, and nothing is kept ` +
    'for later. Adapters that put several messages into an entry can go beyond it.',
  contestants: Object.keys(CONTESTANTS),
  run: (contestant, quick) => CONTESTANTS[contestant](quick ? 50_000 : 200_000),
};

async function measure(redis, client, count, work) {
  const redisBefore = await redisCpu(redis);
  let seconds;
  const [cpu] = await cpuOf([client], async () => {
    const start = performance.now();
    await work();
    seconds = (performance.now() - start) / 1_000;
  });
  return {
    'messages/s': count / seconds,
    'client, CPU µs': cpu / count,
    'Redis, CPU µs': ((await redisCpu(redis)) - redisBefore) / count,
  };
}
