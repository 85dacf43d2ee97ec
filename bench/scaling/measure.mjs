import { setTimeout as delay } from 'node:timers/promises';
import { OURS } from '../adapters.mjs';
import { closedLoop, commandCounts, cpuOf, onCluster, redisCpu } from '../cluster.mjs';

/** Messages of one measurement: the more nodes read each of them, the fewer it takes. */
const MESSAGES = 24_000;

/**
 * CPU microseconds a message: of Redis, of a node that has no socket for it (`read`), and what publishing and delivering it take beyond
 * that, where there is such a node to compare with.
 */
export async function measure({ nodes, sockets, size, rooms, streamCount }) {
  return onCluster({ adapter: OURS, nodes, streamCount }, async ({ redis, nodes: servers, clients }) => {
    const [emitter, receiver = emitter, ...others] = servers;
    const message = { emitter, clients, sockets, size, rooms };
    await clients.ask('connect', { port: receiver.port, count: sockets });
    const count = Math.max(4_000, Math.round(MESSAGES / nodes / 500) * 500);
    await closedLoop({ ...message, count: 2_000 }); // warm
    const before = await redisCpu(redis);
    const added = async () => (await commandCounts(redis)).get('xadd') ?? 0;
    const expected = 2_000 + count;
    const total = await cpuOf(servers, async () => {
      await closedLoop({ ...message, count });
      // a node does not wait for Redis to serve its own sockets
      while ((await added()) < expected) await delay(5);
    });
    const cpu = { redis: ((await redisCpu(redis)) - before) / count };
    if (others.length === 0) return cpu;
    const [emitting, receiving, ...reading] = total.map((micros) => micros / count);
    const read = reading.reduce((sum, micros) => sum + micros, 0) / reading.length;
    return { ...cpu, read, publish: emitting - read, deliver: receiving - read };
  });
}
