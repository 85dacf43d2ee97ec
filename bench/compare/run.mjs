// What becomes of the guarantees with each adapter, in the same scenarios: `npm run compare`, `npm run compare -- --write`.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { SCENARIOS } from './scenarios.mjs';

const COLUMNS = {
  'nestjs-redis-streams-adapter': 'this package',
  'streams-adapter, redis 6': '`@socket.io/redis-streams-adapter`',
  'redis-adapter (PUB/SUB)': '`@socket.io/redis-adapter`',
};
const { values } = parseArgs({ options: { write: { type: 'boolean', default: false }, only: { type: 'string' } } });

const rows = [
  `| | ${Object.values(COLUMNS).join(' | ')} | |`,
  `| --- |${Object.keys(COLUMNS)
    .map(() => ' --- |')
    .join('')} --- |`,
];
for (const scenario of SCENARIOS) {
  if (values.only && scenario.guarantee !== values.only) continue;
  const cells = [];
  for (const adapter of Object.keys(COLUMNS)) {
    if (scenario.needsStream && adapter.startsWith('redis-adapter')) {
      cells.push('not supported');
      continue;
    }
    process.stderr.write(`${scenario.title}: ${adapter}\n`);
    cells.push(await scenario.run(adapter).catch((error) => `failed: ${error.message.split('\n')[0]}`));
  }
  rows.push(`| ${scenario.title} | ${cells.join(' | ')} | [${scenario.guarantee}](${scenario.test}) |`);
}
const table = rows.join('\n');
console.log(table);

if (values.write) {
  const readme = new URL('../../README.md', import.meta.url);
  const text = readFileSync(readme, 'utf8');
  const note = `By \`npm run compare\` on ${new Date().toISOString().slice(0, 10)}, one run.`;
  const begin = '<!-- guarantees:start -->';
  const end = '<!-- guarantees:end -->';
  const [before, rest] = text.split(begin);
  writeFileSync(readme, `${before}${begin}\n\n${table}\n\n${note}\n\n${end}${rest.split(end)[1]}`);
}
process.exit();
