import { setTimeout as delay } from 'node:timers/promises';
import { describe, emitNumbers, numbers, settle, verdict, withNodes } from '../nodes.mjs';

const TEST = 'test/faults/outage-under-traffic.test.ts';

/** Publishes `count` messages from one node, 1,000 a second, while `fault` happens to Redis; a client of another node counts. */
const outage = (count, fault) => (adapter) =>
  withNodes({ adapter, nodes: 2 }, async ({ redis, nodes: [near, far], connect }) => {
    const client = await connect(far);
    const seen = numbers(client);
    let died = false;
    const emitted = near.run(emitNumbers, count, count).catch(() => (died = true));
    await settle(() => seen.length > 300);
    await fault(redis);
    await emitted;
    await settle(() => seen.length >= count, died ? 1_000 : 10_000);
    const text = describe(verdict(seen, count));
    return died ? `the emitting process ends, ${text}` : text;
  });

export const outages = [
  {
    title: 'Redis killed, and back after 2 s: of 4,000 messages emitted before, meanwhile and afterwards',
    guarantee: 'G5',
    test: TEST,
    run: outage(4_000, async (redis) => {
      await redis.kill();
      await delay(2_000);
      await redis.restart();
    }),
  },
  {
    title: 'Connections to Redis cut five times: of 2,000 messages',
    guarantee: 'G5',
    test: TEST,
    run: outage(2_000, async (redis) => {
      // whether a single cut hits anything that is on its way is chance
      for (let n = 0; n < 5; n++) {
        await redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
        await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
        await delay(250);
      }
    }),
  },
  {
    title: 'Redis stalled for 3 s: a client of the emitting node waits',
    guarantee: 'G3',
    test: 'test/faults/outage-slow-redis.test.ts',
    run: (adapter) =>
      withNodes({ adapter, nodes: 2 }, async ({ redis, nodes: [near], connect }) => {
        const seen = numbers(await connect(near));
        redis.pause();
        setTimeout(() => redis.resume(), 3_000);
        const start = performance.now();
        await near.run((io) => void io.emit('m', 1));
        await settle(() => seen.length > 0);
        const seconds = (performance.now() - start) / 1_000;
        return seconds < 1 ? 'no' : `${seconds.toFixed(1)} s`;
      }),
  },
  {
    title: 'The stream deleted and begun anew behind the reader: of 100 messages afterwards',
    guarantee: 'G8',
    test: 'test/faults/outage-stream-reset.test.ts',
    needsStream: true,
    run: (adapter) =>
      withNodes({ adapter, nodes: 2 }, async ({ redis, nodes: [near, far], connect }) => {
        const seen = numbers(await connect(far));
        await redis.command('XADD', 'socket.io', '99999999999999-0', 'uid', 'x', 'nsp', '/other', 'type', '3');
        await delay(300);
        await redis.command('DEL', 'socket.io');
        await near.run(emitNumbers, 100, 500);
        await settle(() => seen.length >= 100, 15_000);
        return describe(verdict(seen, 100));
      }),
  },
];
