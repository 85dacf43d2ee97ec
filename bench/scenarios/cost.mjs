import { setTimeout as delay } from 'node:timers/promises';
import { closedLoop, commandCount, cpuOf, onCluster } from '../cluster.mjs';

/** A node with nothing to do. */
export const idle = {
  name: 'an idle node for a minute',
  async run(adapter, quick) {
    const seconds = quick ? 15 : 60;
    return onCluster({ adapter, nodes: 1 }, async ({ redis, nodes }) => {
      const before = await commandCount(redis);
      const [cpu] = await cpuOf(nodes, () => delay(seconds * 1_000));
      const commands = (await commandCount(redis)) - before;
      return { 'commands a minute': (commands * 60) / seconds, 'CPU ms a minute': ((cpu / 1_000) * 60) / seconds };
    });
  },
};

/** How long the event loop is watched, in milliseconds: as long for each, however soon it is done, or percentiles would be of different things. */
const WATCHED = 2_000;

/** Everything in one turn of the event loop, from one handler. */
export const burst = {
  name: '10,000 messages from one handler',
  async run(adapter) {
    const count = 10_000;
    return onCluster({ adapter, nodes: 2, maxLen: 50_000 }, async ({ nodes: [emitter, receiver], clients }) => {
      await clients.ask('connect', { port: receiver.port, count: 1 });
      await closedLoop({ emitter, clients, sockets: 1, count: 5_000 }); // warm
      await clients.ask('reset');
      const heap = await emitter.ask('collectGarbage');
      await emitter.ask('watchEventLoop');
      const watched = delay(WATCHED);
      await emitter.ask('emit', { count, burst: count });
      const received = await clients.ask('received', { total: count, timeout: 30_000 });
      await watched;
      const { p99, max } = await emitter.ask('eventLoop');
      const after = await emitter.ask('collectGarbage');
      return {
        [`event loop delay p99 of ${WATCHED / 1_000} s, ms`]: p99,
        'event loop delay max, ms': max,
        'heap left over, MB': Math.max(0, after - heap) / 1e6,
        'messages received': received,
      };
    });
  },
};
