// What telemetry costs a message, beside the same without: `npm run bench:telemetry`.
import { OURS } from './adapters.mjs';
import { closedLoop, cpuOf, onCluster } from './cluster.mjs';
import { TELEMETRY } from './telemetry-setup.mjs';

const ROUNDS = Number(process.argv[2] ?? 5);
const COUNT = 60_000;
/** Until the code is compiled: what is measured is what goes on for hours. */
const WARM_UP = 20_000;
const samples = Object.fromEntries(Object.keys(TELEMETRY).map((name) => [name, []]));
for (let round = 1; round <= ROUNDS; round++) {
  for (const telemetryName of Object.keys(TELEMETRY)) {
    process.stderr.write(`round ${round} of ${ROUNDS}: ${telemetryName}\n`);
    const micros = await onCluster({ adapter: OURS, nodes: 2, telemetryName }, async ({ nodes, clients }) => {
      const [emitter, receiver] = nodes;
      await clients.ask('connect', { port: receiver.port, count: 1 });
      await closedLoop({ emitter, clients, sockets: 1, count: WARM_UP });
      const cpu = await cpuOf(nodes, () => closedLoop({ emitter, clients, sockets: 1, count: COUNT }));
      return (cpu[0] + cpu[1]) / COUNT;
    });
    samples[telemetryName].push(micros);
  }
}
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const base = median(samples['telemetry: false']);
console.log('| | CPU µs a message, both nodes | ratio |\n| --- | ---: | ---: |');
for (const [name, values] of Object.entries(samples)) {
  console.log(`| ${name} | ${median(values).toFixed(1)} | ${(median(values) / base).toFixed(2)} |`);
}
process.exit();
