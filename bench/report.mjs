import { BASELINE, OURS } from './adapters.mjs';

/** The results as Markdown: a table a scenario, medians, and our ratio to the baseline of the same run. */
export function markdown(results) {
  const lines = [];
  let before;
  for (const result of results) {
    const { name, note, medians } = result;
    const measured = provenance(result);
    const adapters = Object.keys(medians).filter((adapter) => Object.keys(medians[adapter]).length > 0);
    // not all contestants can tell as much
    const figures = [...new Set(adapters.flatMap((adapter) => Object.keys(medians[adapter])))];
    lines.push(
      '',
      `### ${name}`,
      '',
      ...(note ? [note, ''] : []),
      ...(measured === before ? [] : [measured, '']),
      `| | ${figures.join(' | ')} |`,
      `| --- |${figures.map(() => ' ---: |').join('')}`,
    );
    before = measured;
    for (const adapter of adapters)
      lines.push(`| ${adapter} | ${figures.map((figure) => round(medians[adapter][figure])).join(' | ')} |`);
    const [ours, baseline] = [medians[OURS], medians[BASELINE]];
    if (ours && baseline && figures.length > 0) {
      lines.push(
        `| **ratio to ${BASELINE}** | ${figures.map((figure) => `**${ratio(ours[figure], baseline[figure])}**`).join(' | ')} |`,
      );
    }
    const failed = failures(result);
    if (failed.length > 0) lines.push('', failed.join(' '));
  }
  return `${lines.join('\n').trim()}\n`;
}

/** Where the figures come from, those of the next scenarios included until another one says otherwise. */
function provenance({ date, node, cpus, rounds, command }) {
  return `Medians of ${rounds} rounds, measured on ${date} with Node.js ${node} on ${cpus} CPUs, by \`${command}\`:`;
}

/** Who did not finish every round of a scenario, as sentences. */
export function failures({ samples, rounds }) {
  return Object.entries(samples)
    .filter(([, count]) => count < rounds)
    .map(([adapter, count]) => `${adapter}: ${count} of ${rounds} rounds, the others failed.`);
}

/** The page about performance. */
export function page(results) {
  return `# Performance

How this package compares with the others, as they are installed by their users, with all guarantees on. Redis, nodes and clients share one machine, so
what counts are the ratios, not the figures. CPU is the time that a process spends on a message. How many messages a second go through is up to all
processes together, clients and Redis included: it differs less than the CPU time of the nodes.

Thousands of messages have gone through before anything is measured, so that it is what goes on for hours. Messages that are emitted together
[share an entry](guarantees.md#on-the-wire) of the stream, as long as no node of \`@socket.io/redis-streams-adapter\` has to read them.

Every round has a Redis and processes of its own, one adapter after the other. What a node does when it has nothing to do is in
[operations](operations.md#what-an-idle-node-costs), and what more nodes, larger payloads and more sockets cost in [scaling](scaling.md).

${markdown(results)}`;
}

function round(value) {
  if (value === undefined) return '';
  // why there is no figure
  if (typeof value === 'string') return value;
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

function ratio(a, b) {
  return a >= 0 && b > 0 ? (a / b).toFixed(2) : '–';
}
