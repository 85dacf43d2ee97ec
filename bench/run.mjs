// Measures the adapters side by side: `npm run bench`, `npm run bench -- --quick`, `npm run bench -- --only=rooms`, and with `--write` into docs/performance.md.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { ADAPTERS, BASELINE, OURS } from './adapters.mjs';
import { markdown, page } from './report.mjs';
import { burst, idle } from './scenarios/cost.mjs';
import { latencies } from './scenarios/latency.mjs';
import { catchingUp, reconnectionStorm } from './scenarios/recovery.mjs';
import { fanOutBinary, fanOutLarge, fanOutSmall, growths, rooms } from './scenarios/throughput.mjs';

const SCENARIOS = { rooms, fanOutSmall, fanOutLarge, fanOutBinary, reconnectionStorm, catchingUp, burst, idle };
latencies.forEach((scenario, index) => (SCENARIOS[index === 0 ? 'latency' : 'latencyWithRecovery'] = scenario));
growths.forEach((scenario, index) => (SCENARIOS[`growth${index + 1}`] = scenario));

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string' },
    adapters: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 3 : 5));
const chosen =
  values.only?.split(',') ??
  (values.quick ? ['rooms', 'fanOutSmall', 'latency', 'catchingUp', 'burst'] : Object.keys(SCENARIOS));
const unknown = chosen.filter((name) => !(name in SCENARIOS));
if (unknown.length > 0) {
  console.error(`There is no scenario ${unknown.join(', ')}. There are: ${Object.keys(SCENARIOS).join(', ')}.`);
  process.exit(2);
}
const everyone = values.quick ? [OURS, BASELINE, 'redis-adapter (PUB/SUB)'] : Object.keys(ADAPTERS);
const adapters = values.adapters
  ? everyone.filter((name) => values.adapters.split(',').some((part) => name.includes(part)))
  : everyone;

const isStream = (name) => !name.startsWith('redis-adapter');
const results = [];
for (const key of chosen) {
  const scenario = SCENARIOS[key];
  const fit = adapters.filter((name) => isStream(name) || !(scenario.needsRecovery || scenario.needsStream));
  const samples = Object.fromEntries(fit.map((name) => [name, []]));
  // A B C, A B C, …: whatever the machine does meanwhile, it does to all of them
  for (let round = 1; round <= rounds; round++) {
    for (const name of fit) {
      process.stderr.write(`${scenario.name}: round ${round} of ${rounds}, ${name}\n`);
      try {
        samples[name].push(await scenario.run(name, values.quick));
      } catch (error) {
        process.stderr.write(`  failed: ${error.message}\n`);
      }
    }
  }
  results.push({
    key,
    name: scenario.name,
    medians: Object.fromEntries(fit.map((name) => [name, medians(samples[name])])),
  });
}

const report = {
  date: new Date().toISOString().slice(0, 10),
  node: process.version,
  cpus: cpus().length,
  rounds,
  command: ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' '),
  results,
};
mkdirSync(new URL('results/', import.meta.url), { recursive: true });
writeFileSync(new URL('results/latest.json', import.meta.url), `${JSON.stringify(report, null, 2)}\n`);
writeFileSync(new URL('results/latest.md', import.meta.url), markdown(report));
if (values.write) writeFileSync(new URL('../docs/performance.md', import.meta.url), page(report));
console.log(markdown(report));

function medians(runs) {
  const figures = {};
  for (const figure of Object.keys(runs[0] ?? {})) {
    const sorted = runs.map((run) => run[figure]).sort((a, b) => a - b);
    figures[figure] = sorted[sorted.length >> 1];
  }
  return figures;
}
