// What a node with nothing to do asks of Redis in a minute, by the commands: `npm run bench:idle`, `npm run bench:idle -- --seconds=15`.
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { OURS } from './adapters.mjs';
import { commandCounts, cpuOf, onCluster } from './cluster.mjs';

const NODES = 4;

const SETTINGS = {
  'as it is': {},
  'blockTimeInMs: 60_000': { blockTimeInMs: 60_000 },
  'blockTimeInMs: 60_000, heartbeatInterval: 20_000': {
    blockTimeInMs: 60_000,
    heartbeatInterval: 20_000,
    heartbeatTimeout: 45_000,
  },
  "ephemeral: 'stream'": { ephemeral: 'stream' },
};

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } });
const seconds = Number(values.seconds);

// all at the same time: what is counted are commands
const rows = await Promise.all(
  Object.entries(SETTINGS).map(([name, options]) =>
    onCluster({ adapter: OURS, nodes: NODES, ...options }, async ({ redis, nodes }) => {
      const before = await commandCounts(redis);
      const cpu = await cpuOf(nodes, () => delay(seconds * 1_000));
      const after = await commandCounts(redis);
      const each = (count) => Math.round((count * 60) / seconds / NODES);
      const counts = [...after].map(([command, calls]) => [command, each(calls - (before.get(command) ?? 0))]);
      const asked = counts.filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
      return {
        name,
        total: asked.reduce((sum, [, count]) => sum + count, 0),
        asked: asked.map(([command, count]) => `${count} ${command.toUpperCase().replace('|', ' ')}`).join(', '),
        cpu: each(cpu.reduce((a, b) => a + b) / 1_000),
      };
    }),
  ),
);

console.log(`| ${NODES} nodes, each | commands a minute | of these | CPU ms a minute |\n| --- | ---: | --- | ---: |`);
for (const { name, total, asked, cpu } of rows) console.log(`| ${name} | ${total} | ${asked} | ${cpu} |`);
