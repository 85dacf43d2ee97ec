import { setTimeout as delay } from 'node:timers/promises';
import { closedLoop, commandCount, onCluster } from '../cluster.mjs';

/** A node with nothing to do. */
export const idle = {
  name: 'an idle node for a minute',
  note: 'Ours sends heartbeats, and looks once in six waits whether the stream began anew: the peer package does neither. What the adapter that sends nothing has is that of Node.js.',
  async run(adapter, quick) {
    const seconds = quick ? 15 : 60;
    return onCluster({ adapter, nodes: 1 }, async ({ redis, nodes: [node] }) => {
      const before = await commandCount(redis);
      const { cpu, wakeUps } = await node.ask('usage');
      await delay(seconds * 1_000);
      const after = await node.ask('usage');
      const aMinute = (value) => (value * 60) / seconds;
      return {
        'commands a minute': aMinute((await commandCount(redis)) - before),
        'CPU ms a minute': aMinute((after.cpu - cpu) / 1_000),
        // each time that a thread of it had waited
        'wake-ups a minute': aMinute(after.wakeUps - wakeUps),
      };
    });
  },
};

/** Everything in one turn of the event loop, from one handler. */
export const burst = {
  name: '10,000 messages from one handler',
  note:
    'Until all messages are received: how long what comes to the emitting node waits for its event loop (at 99 of 100 moments, and at the ' +
    'worst one), and how long the event loop is held up altogether.',
  async run(adapter) {
    const count = 10_000;
    return onCluster({ adapter, nodes: 2, maxLen: 50_000 }, async ({ nodes: [emitter, receiver], clients }) => {
      await clients.ask('connect', { port: receiver.port, count: 1 });
      await closedLoop({ emitter, clients, sockets: 1, count: 5_000 }); // warm
      await clients.ask('reset');
      const heap = await emitter.ask('collectGarbage');
      await emitter.ask('watchEventLoop');
      await emitter.ask('emit', { count, burst: count });
      const received = await clients.ask('received', { total: count, timeout: 30_000 });
      const { p99, max, heldUp } = await emitter.ask('eventLoop');
      const after = await emitter.ask('collectGarbage');
      return {
        'event loop delay p99, ms': p99,
        'event loop delay max, ms': max,
        'event loop held up, ms': heldUp,
        'heap left over, MB': Math.max(0, after - heap) / 1e6,
        'messages received': received,
      };
    });
  },
};
