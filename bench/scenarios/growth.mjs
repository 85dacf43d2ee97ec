import { closedLoop, cpuOf, onCluster, quiet } from '../cluster.mjs';
import { cpuFigures } from './throughput.mjs';

/** Sockets that a message goes to, but for where there are more of them. */
const FEW = 10;

/** Messages to a few sockets until the code is compiled: what is measured is what goes on for hours. */
const WARM_UP = 5_000;

/** What a message costs where there is more of one thing than usual. `figures` tells it from what it costs each node. */
const growth = (name, { nodes = 2, namespaces = 1, sockets = FEW, messages = 10_000, portion = 500, figures }) => ({
  name,
  async run(adapter, quick) {
    mustHoldDescriptors(sockets * namespaces);
    const count = Math.ceil(messages / (quick ? 4 : 1) / portion) * portion;
    return onCluster({ adapter, nodes, namespaces }, async ({ redis, nodes: servers, clients }) => {
      const [emitter, receiver = emitter] = servers;
      const message = { emitter, clients, sockets, portion };
      const connect = (each) => clients.ask('connect', { port: receiver.port, count: each * namespaces, namespaces });
      await connect(FEW);
      await closedLoop({ emitter, clients, sockets: FEW, count: WARM_UP });
      await connect(sockets - FEW);
      await closedLoop({ ...message, count: portion });
      await quiet(redis);
      const cpu = await cpuOf(servers, async () => {
        await closedLoop({ ...message, count });
        await quiet(redis);
      });
      return figures(cpu, count);
    });
  },
});

const byNodes = (nodes) =>
  growth(`${nodes} ${nodes === 1 ? 'node' : 'nodes'}, 1 namespace, 10 sockets`, {
    nodes,
    figures: nodes === 1 ? ([cpu], count) => ({ 'the node, CPU µs': cpu / count }) : cpuFigures,
  });

const byNamespaces = (namespaces) =>
  growth(`2 nodes, ${namespaces} namespaces, 10 sockets in each`, { namespaces, figures: cpuFigures });

/**
 * As few are on their way as ten thousand sockets can have: twenty are two hundred thousand packets then. To be asked for so few costs the
 * emitting node more than to emit them, so that nothing is told of it.
 */
const bySockets = (sockets, messages) =>
  growth(`2 nodes, 1 namespace, ${sockets.toLocaleString('en')} sockets, 20 messages at a time`, {
    sockets,
    messages,
    portion: 20,
    figures: ([, cpu], count) => ({
      'receiving node, CPU µs': cpu / count,
      'receiving node, CPU µs a socket': cpu / count / sockets,
    }),
  });

export const growths = [
  ...[1, 2, 4, 8].map(byNodes),
  ...[10, 100].map(byNamespaces),
  bySockets(FEW, 10_000),
  bySockets(1_000, 200),
  bySockets(10_000, 40),
];

/** The node and the clients each have a file descriptor a socket, and some for themselves: without them, they would wait for each other. */
function mustHoldDescriptors(sockets) {
  const { soft } = process.report.getReport().userLimits?.open_files ?? {};
  const needed = sockets + 100;
  if (soft < needed)
    throw new Error(`it takes ${needed} open files a process, of which ${soft} are allowed: see ulimit -n`);
}
