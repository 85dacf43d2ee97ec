// Measures what a message costs, fits a model to it, and writes docs/scaling.md with `--write`: `npm run bench:scaling`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { measure } from './measure.mjs';
import { fit } from './model.mjs';
import { page } from './page.mjs';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, write: { type: 'boolean', default: false } },
});
const rounds = Number(values.rounds);

const usual = { nodes: 4, sockets: 1, size: 200, rooms: 1, streamCount: 1, alone: false };
const SITUATIONS = [
  ...[1, 2, 4, 8, 16].map((nodes) => ({ ...usual, nodes })),
  { ...usual, size: 2_048 },
  { ...usual, size: 8_192 },
  { ...usual, nodes: 16, size: 2_048 },
  { ...usual, sockets: 10 },
  { ...usual, sockets: 50 },
  { ...usual, rooms: 10 },
  { ...usual, streamCount: 4 },
  ...[2, 4, 8, 16].map((nodes) => ({ ...usual, nodes, alone: true })),
  { ...usual, size: 2_048, alone: true },
];

const samples = SITUATIONS.map(() => []);
// all of them once, and then again: whatever the machine does meanwhile, it does to all of them
for (let round = 1; round <= rounds; round++) {
  for (const [index, situation] of SITUATIONS.entries()) {
    process.stderr.write(`round ${round} of ${rounds}: ${JSON.stringify(situation)}\n`);
    samples[index].push(await measure(situation));
  }
}
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const measurements = SITUATIONS.map((situation, index) => {
  const figures = Object.keys(samples[index][0]);
  const medians = figures.map((figure) => [figure, median(samples[index].map((sample) => sample[figure]))]);
  const { entries, ...cpu } = Object.fromEntries(medians);
  return { ...situation, entries, cpu };
});

const report = {
  date: new Date().toISOString().slice(0, 10),
  node: process.version,
  cpus: cpus().length,
  rounds,
  command: ['npm run bench:scaling', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' '),
  measurements,
  model: fit(measurements),
};
mkdirSync(new URL('../results/', import.meta.url), { recursive: true });
writeFileSync(new URL('../results/scaling.json', import.meta.url), `${JSON.stringify(report, null, 2)}\n`);
if (values.write) writeFileSync(new URL('../../docs/scaling.md', import.meta.url), page(report));
console.log(page(report));
