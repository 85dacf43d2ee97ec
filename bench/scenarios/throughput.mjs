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
      const figures = {
        'messages/s': total / seconds,
        'emitting node, CPU µs': cpu[0] / total,
        'receiving node, CPU µs': cpu[1] / total,
      };
      if (nodes > 2) figures['other node, CPU µs'] = cpu.slice(2).reduce((a, b) => a + b) / (nodes - 2) / total;
      return figures;
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

const growth = (name, options) => ({
  name,
  async run(adapter, quick) {
    const count = quick ? 2_000 : 6_000;
    const { nodes = 2, namespaces = 1, sockets = 10, perSocket = 1 } = options;
    return onCluster({ adapter, nodes: Math.max(2, nodes), namespaces }, async ({ nodes: servers, clients }) => {
      const [emitter, receiver] = servers;
      await clients.ask('connect', { port: receiver.port, count: sockets, namespaces });
      const inNamespace = Math.ceil(sockets / namespaces);
      const total = Math.max(500, Math.round(count / perSocket / 500) * 500);
      const cpu = await cpuOf(servers, () => closedLoop({ emitter, clients, sockets: inNamespace, count: total }));
      return { 'receiving node, CPU µs': cpu[1] / total, 'emitting node, CPU µs': cpu[0] / total };
    });
  },
});

export const growths = [
  growth('2 nodes, 1 namespace, 10 sockets', {}),
  growth('4 nodes', { nodes: 4 }),
  growth('8 nodes', { nodes: 8 }),
  growth('10 namespaces', { namespaces: 10, sockets: 100 }),
  growth('100 namespaces', { namespaces: 100, sockets: 1_000 }),
];
