import { onCluster } from '../cluster.mjs';

/** Messages until the code is compiled: what is measured is what goes on for hours. */
const WARM_UP = 3_000;

/** As many as a quick look needs. */
const QUICK = 1_000;

const latency = (recovery) => ({
  name: `500 messages a second, recovery ${recovery ? 'on' : 'off'}`,
  async run(adapter, quick) {
    const [warmUp, count] = quick ? [QUICK, QUICK] : [WARM_UP, 3_000];
    return onCluster({ adapter, nodes: 2, recovery }, async ({ nodes: [emitter, receiver], clients }) => {
      await clients.ask('connect', { port: receiver.port, count: 1 });
      await emitter.ask('pace', { count: warmUp, perSecond: 500 });
      await clients.ask('received', { total: warmUp });
      await clients.ask('reset');
      await emitter.ask('pace', { count, perSecond: 500 });
      await clients.ask('received', { total: count });
      const sorted = (await clients.ask('latencies')).sort((a, b) => a - b);
      const percentile = (p) => sorted[Math.min(sorted.length - 1, Math.floor((p / 100) * sorted.length))];
      return { 'p50 ms': percentile(50), 'p99 ms': percentile(99), 'p99.9 ms': percentile(99.9) };
    });
  },
});

export const latencies = [latency(false), latency(true)];
