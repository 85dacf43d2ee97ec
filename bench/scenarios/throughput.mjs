import { closedLoop, cpuOf, onCluster } from '../cluster.mjs';

/** Messages until the code is compiled: what is measured is what goes on for hours. */
const WARM_UP = 5_000;

const throughput = (name, { nodes, sockets, count, ...message }) => ({
  name,
  async run(adapter, quick) {
    const total = quick ? count / 4 : count;
    return onCluster({ adapter, nodes }, async ({ nodes: servers, clients }) => {
      const [emitter, receiver] = servers;
      await clients.ask('connect', { port: receiver.port, count: sockets });
      await closedLoop({ emitter, clients, sockets, count: WARM_UP, ...message });
      let seconds;
      const cpu = await cpuOf(servers, async () => {
        const start = performance.now();
        await closedLoop({ emitter, clients, sockets, count: total, ...message });
        seconds = (performance.now() - start) / 1_000;
      });
      return { 'messages/s': total / seconds, ...cpuFigures(cpu, total) };
    });
  },
});

export const rooms = throughput('One of 4 nodes holds the room, 200 B JSON', { nodes: 4, sockets: 1, count: 60_000 });
export const fanOutSmall = throughput('10 sockets, 200 B JSON', { nodes: 2, sockets: 10, count: 20_000 });
export const fanOutLarge = throughput('10 sockets, 2 KB JSON', { nodes: 2, sockets: 10, count: 20_000, size: 2_048 });
export const fanOutBinary = throughput('10 sockets, 200 B binary', {
  nodes: 2,
  sockets: 10,
  count: 20_000,
  kind: 'binary',
});

/** What a message costs each kind of node. */
export function cpuFigures([emitting, receiving, ...others], total) {
  return {
    'emitting node, CPU µs': emitting / total,
    'receiving node, CPU µs': receiving / total,
    ...(others.length > 0 && {
      'other node, CPU µs': others.reduce((a, b) => a + b) / others.length / total,
    }),
  };
}
