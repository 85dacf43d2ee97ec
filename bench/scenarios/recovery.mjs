import { closedLoop, cpuOf, onCluster, redisInfo } from '../cluster.mjs';

const CLIENTS = 200;
const MISSED = 1_100;
const IN_STREAM = 8_000;

/** All clients of a node lose their connection at once, and come back to another one. */
export const reconnectionStorm = {
  name: '200 clients reconnect, 1,100 messages missed of 8,000 in the stream',
  needsRecovery: true,
  async run(adapter) {
    return onCluster({ adapter, nodes: 2, recovery: true, maxLen: 20_000 }, async ({ redis, nodes, clients }) => {
      const [first, second] = nodes;
      for (let sent = 0; sent < IN_STREAM - MISSED - 500; sent += 500) await first.ask('emit', { count: 500 });
      await clients.ask('connect', { port: first.port, count: CLIENTS });
      await first.ask('emit', { count: 1 });
      await clients.ask('received', { total: CLIENTS });
      await clients.ask('reset');
      await first.ask('emit', { count: 499 });
      await clients.ask('received', { total: 499 * CLIENTS });
      await clients.ask('reset');
      const bytesBefore = await redisInfo(redis, 'stats', 'total_net_output_bytes');
      let seconds;
      let recovered;
      let received;
      const cpu = await cpuOf(nodes, async () => {
        const start = performance.now();
        // cut first, so that what is emitted is missed
        await clients.ask('cut', { port: second.port });
        await first.ask('emit', { count: MISSED, burst: 100 });
        received = await clients.ask('received', { total: MISSED * CLIENTS, timeout: 30_000 });
        recovered = await clients.ask('connected');
        seconds = (performance.now() - start) / 1_000;
      });
      const [, { maxRss }] = await Promise.all(nodes.map((node) => node.ask('usage')));
      return {
        'MB out of Redis': ((await redisInfo(redis, 'stats', 'total_net_output_bytes')) - bytesBefore) / 1e6,
        'CPU s of the servers': (cpu[0] + cpu[1]) / 1e6,
        'seconds until all are back': seconds,
        'peak memory of the node, MB': maxRss / 1e6,
        'clients recovered': recovered,
        'messages received of 220,000': received,
      };
    });
  },
};

/** A node that was away finds 10,000 messages. */
export const catchingUp = {
  name: 'a node catches up with 10,000 messages',
  needsStream: true,
  async run(adapter) {
    const count = 10_000;
    return onCluster({ adapter, nodes: 2, maxLen: 50_000 }, async ({ nodes: [emitter, receiver], clients }) => {
      await clients.ask('connect', { port: receiver.port, count: 1 });
      await closedLoop({ emitter, clients, sockets: 1, count: 5_000 }); // warm
      await clients.ask('reset');
      receiver.process.kill('SIGSTOP');
      await emitter.ask('emit', { count, burst: 50 });
      const start = performance.now();
      receiver.process.kill('SIGCONT');
      const received = await clients.ask('received', { total: count });
      return { seconds: (performance.now() - start) / 1_000, 'messages received': received };
    });
  },
};
