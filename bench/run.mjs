// Measures the adapters side by side: `npm run bench`, `npm run bench -- --quick`, `npm run bench -- --only=rooms`, and with `--write` into docs/performance.md.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { ADAPTERS, BASELINE, OURS } from './adapters.mjs';
import { failures, markdown, page } from './report.mjs';
import { burst, idle } from './scenarios/cost.mjs';
import { growths } from './scenarios/growth.mjs';
import { latencies } from './scenarios/latency.mjs';
import { limit } from './scenarios/limit.mjs';
import { catchingUp, reconnectionStorm } from './scenarios/recovery.mjs';
import { fanOutBinary, fanOutLarge, fanOutSmall, rooms } from './scenarios/throughput.mjs';

const SCENARIOS = { rooms, fanOutSmall, fanOutLarge, fanOutBinary, reconnectionStorm, catchingUp, burst, idle };
latencies.forEach((scenario, index) => (SCENARIOS[index === 0 ? 'latency' : 'latencyWithRecovery'] = scenario));
growths.forEach((scenario, index) => (SCENARIOS[`growth${index + 1}`] = scenario));
SCENARIOS.limit = limit;

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
const asked =
  values.only?.split(',') ??
  (values.quick ? ['rooms', 'fanOutSmall', 'latency', 'catchingUp', 'burst'] : Object.keys(SCENARIOS));
const unknown = asked.filter((name) => !(name in SCENARIOS));
if (unknown.length > 0) {
  console.error(`There is no scenario ${unknown.join(', ')}. There are: ${Object.keys(SCENARIOS).join(', ')}.`);
  process.exit(2);
}
const everyone = values.quick ? [OURS, BASELINE, 'redis-adapter (PUB/SUB)'] : Object.keys(ADAPTERS);
const adapters = values.adapters
  ? everyone.filter((name) => values.adapters.split(',').some((part) => name.includes(part)))
  : everyone;

const isStream = (name) => !name.startsWith('redis-adapter');
const measured = {
  date: new Date().toISOString().slice(0, 10),
  node: process.version,
  cpus: cpus().length,
  rounds,
  command: ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2).map(quoted)] : [])].join(
    ' ',
  ),
};
const results = [];
for (const [key, scenario] of Object.entries(SCENARIOS)) {
  if (!asked.includes(key)) continue;
  const fit =
    scenario.contestants ??
    adapters.filter((name) => isStream(name) || !(scenario.needsRecovery || scenario.needsStream));
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
    ...measured,
    name: scenario.name,
    note: scenario.note,
    samples: Object.fromEntries(fit.map((name) => [name, samples[name].length])),
    medians: Object.fromEntries(fit.map((name) => [name, medians(samples[name])])),
  });
}

mkdirSync(new URL('results/', import.meta.url), { recursive: true });
writeFileSync(new URL('results/latest.json', import.meta.url), `${JSON.stringify(results, null, 2)}\n`);
writeFileSync(new URL('results/latest.md', import.meta.url), markdown(results));
console.log(markdown(results));
const failed = results.flatMap((result) => failures(result).map((failure) => `${result.name}: ${failure}`));
if (failed.length > 0) {
  process.exitCode = 1;
  if (values.write)
    console.error(`docs/performance.md is left as it is, because runs have failed.\n${failed.join('\n')}`);
} else if (values.write) {
  await write(results);
}

/** Writes the page anew, with what was measured now and, for the other scenarios, what was written before. */
async function write(fresh) {
  const written = new URL('written.json', import.meta.url);
  const before = existsSync(written) ? JSON.parse(readFileSync(written, 'utf8')) : [];
  const all = Object.keys(SCENARIOS).flatMap(
    (key) => fresh.find((result) => result.key === key) ?? before.find((result) => result.key === key) ?? [],
  );
  for (const [file, content] of [
    [written, JSON.stringify(all)],
    [new URL('../docs/performance.md', import.meta.url), page(all)],
  ]) {
    const filepath = fileURLToPath(file);
    writeFileSync(file, await format(content, { ...(await resolveConfig(filepath)), filepath }));
  }
}

/** An argument as it is typed. */
function quoted(argument) {
  return /\s/.test(argument) ? `'${argument}'` : argument;
}

function medians(runs) {
  const figures = {};
  for (const figure of Object.keys(runs[0] ?? {})) {
    const sorted = runs.map((run) => run[figure]).sort((a, b) => a - b);
    figures[figure] = sorted[sorted.length >> 1];
  }
  return figures;
}
