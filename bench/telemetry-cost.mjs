// What telemetry costs a message, beside the same without: `npm run bench:telemetry`.
import { cpus } from 'node:os';
import { OURS } from './adapters.mjs';
import { closedLoop, cpuOf, onCluster } from './cluster.mjs';
import { TELEMETRY } from './telemetry-setup.mjs';

const ROUNDS = Number(process.argv[2] ?? 5);
/** In how many turns each way is measured: what a machine does in a second changes by more than what is to be told apart. */
const TURNS = 20;
/** Messages in a turn for each number of sockets that receive them: about as much work. A burst has 20. */
const SCENARIOS = [
  { name: 'to 1', sockets: 1, count: 6_000 },
  { name: 'to 1, 20 from a handler', sockets: 1, count: 6_000, handled: true },
  { name: 'to 10', sockets: 10, count: 1_500 },
];
/** Until the code is compiled, that of one trace in a hundred, too: what is measured is what goes on for hours. */
const WARM_UP = 60_000;
const MODES = Object.keys(TELEMETRY);

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Runs `work` on a cluster for each way, all at the same time; those that are not measured have nothing to do. */
const onClusters = (modes, work, clusters = []) =>
  modes.length === 0
    ? work(clusters)
    : onCluster({ adapter: OURS, nodes: 2, telemetryName: modes[0] }, (cluster) =>
        onClusters(modes.slice(1), work, [...clusters, cluster]),
      );

/** CPU time of a message on both nodes, in microseconds, for each way: the median of the turns. */
async function measure(clusters, { sockets, count, handled }) {
  const loop = ({ nodes: [emitter], clients }, messages) =>
    closedLoop({ emitter, clients, sockets, handled, count: messages });
  for (const cluster of clusters) {
    await cluster.clients.ask('connect', { port: cluster.nodes[1].port, count: sockets - (cluster.connected ?? 0) });
    cluster.connected = sockets;
    await loop(cluster, WARM_UP / sockets);
  }
  const turns = clusters.map(() => []);
  for (let turn = 0; turn < TURNS; turn++) {
    for (const [index, cluster] of clusters.entries()) {
      const cpu = await cpuOf(cluster.nodes, () => loop(cluster, count));
      turns[index].push((cpu[0] + cpu[1]) / count);
    }
  }
  return turns.map(median);
}

const samples = MODES.map(() => SCENARIOS.map(() => []));
for (let round = 1; round <= ROUNDS; round++) {
  process.stderr.write(`round ${round} of ${ROUNDS}\n`);
  await onClusters(MODES, async (clusters) => {
    for (const [column, scenario] of SCENARIOS.entries()) {
      const micros = await measure(clusters, scenario);
      for (const [row, value] of micros.entries()) samples[row][column].push(value);
    }
  });
}
console.log(
  `Medians of ${ROUNDS} rounds, measured on ${new Date().toISOString().slice(0, 10)} with Node.js ${process.version} on ${cpus().length} CPUs, ` +
    `by \`npm run bench:telemetry -- ${ROUNDS}\`:\n`,
);
console.log(`| | ${SCENARIOS.map(({ name }) => `µs, ${name} | ratio`).join(' | ')} |`);
console.log(`| --- | ${SCENARIOS.map(() => '---: | ---:').join(' | ')} |`);
for (const [row, mode] of MODES.entries()) {
  const cells = SCENARIOS.map((_, column) => {
    const micros = median(samples[row][column]);
    return `${micros.toFixed(1)} | ${(micros / median(samples[0][column])).toFixed(2)}`;
  });
  console.log(`| ${mode} | ${cells.join(' | ')} |`);
}
process.exit();
