import { OURS } from '../adapters.mjs';
import { closedLoop, commandCounts, cpuOf, onCluster, quiet, redisCpu } from '../cluster.mjs';

/** Messages of one measurement: the more nodes read each of them, the fewer it takes. */
const MESSAGES = 24_000;

/** Messages until the code is compiled: what is measured is what goes on for hours. */
const WARM_UP = 4_000;

/**
 * CPU microseconds a message: of Redis, of a node that has no socket for it (`read`), and what publishing and delivering it take beyond
 * that, where there is such a node to compare with.
 */
export async function measure({ nodes, sockets, size, rooms, streamCount, alone }) {
  // messages that are emitted together share entries, unless nodes of the peer package are to read them
  return onCluster(
    { adapter: OURS, nodes, streamCount, interop: alone },
    async ({ redis, nodes: servers, clients }) => {
      const [emitter, receiver = emitter, ...others] = servers;
      const message = { emitter, clients, sockets, size, rooms };
      await clients.ask('connect', { port: receiver.port, count: sockets });
      const count = Math.max(4_000, Math.round(MESSAGES / nodes / 500) * 500);
      await closedLoop({ ...message, count: WARM_UP });
      await quiet(redis);
      const before = await redisCpu(redis);
      const addedBefore = await added(redis);
      const total = await cpuOf(servers, async () => {
        await closedLoop({ ...message, count });
        await quiet(redis);
      });
      const cpu = { redis: ((await redisCpu(redis)) - before) / count };
      cpu.entries = ((await added(redis)) - addedBefore) / count;
      if (others.length === 0) return cpu;
      const [emitting, receiving, ...reading] = total.map((micros) => micros / count);
      const read = reading.reduce((sum, micros) => sum + micros, 0) / reading.length;
      return { ...cpu, read, publish: emitting - read, deliver: receiving - read };
    },
  );
}

async function added(redis) {
  return (await commandCounts(redis)).get('xadd') ?? 0;
}
