// What telemetry costs a message, beside the same without: `npm run bench:telemetry`.
import { cpus } from 'node:os';
import { OURS } from './adapters.mjs';
import { closedLoop, cpuOf, onCluster } from './cluster.mjs';
import { TELEMETRY } from './telemetry-setup.mjs';

const ROUNDS = Number(process.argv[2] ?? 5);
/** Messages for each number of sockets that receive them: about as much work. */
const COUNTS = { 1: 60_000, 10: 15_000 };
/** Until the code is compiled: what is measured is what goes on for hours. */
const WARM_UP = 20_000;
const samples = Object.fromEntries(
  Object.keys(TELEMETRY).map((name) => [name, Object.fromEntries(Object.keys(COUNTS).map((sockets) => [sockets, []]))]),
);
for (let round = 1; round <= ROUNDS; round++) {
  for (const telemetryName of Object.keys(TELEMETRY)) {
    process.stderr.write(`round ${round} of ${ROUNDS}: ${telemetryName}\n`);
    await onCluster({ adapter: OURS, nodes: 2, telemetryName }, async ({ nodes, clients }) => {
      const [emitter, receiver] = nodes;
      let connected = 0;
      for (const [sockets, count] of Object.entries(COUNTS)) {
        await clients.ask('connect', { port: receiver.port, count: sockets - connected });
        connected = Number(sockets);
        await closedLoop({ emitter, clients, sockets: connected, count: WARM_UP / connected });
        const cpu = await cpuOf(nodes, () => closedLoop({ emitter, clients, sockets: connected, count }));
        samples[telemetryName][sockets].push((cpu[0] + cpu[1]) / count);
      }
    });
  }
}
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const columns = Object.keys(COUNTS);
console.log(
  `Medians of ${ROUNDS} rounds, measured on ${new Date().toISOString().slice(0, 10)} with Node.js ${process.version} on ${cpus().length} CPUs, ` +
    `by \`npm run bench:telemetry -- ${ROUNDS}\`:\n`,
);
console.log(`| | ${columns.map((sockets) => `µs, to ${sockets} | ratio`).join(' | ')} |`);
console.log(`| --- | ${columns.map(() => '---: | ---:').join(' | ')} |`);
for (const [name, ofSockets] of Object.entries(samples)) {
  const cells = columns.map((sockets) => {
    const micros = median(ofSockets[sockets]);
    return `${micros.toFixed(1)} | ${(micros / median(samples['telemetry: false'][sockets])).toFixed(2)}`;
  });
  console.log(`| ${name} | ${cells.join(' | ')} |`);
}
process.exit();
