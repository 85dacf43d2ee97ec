import { BASELINE, OURS } from './adapters.mjs';

/** The results as Markdown: a table a scenario, medians, and our ratio to the baseline of the same run. */
export function markdown({ date, node, cpus, rounds, command, results }) {
  const lines = [
    `Medians of ${rounds} rounds, each with a Redis and processes of its own, one adapter after the other in every round. Measured on ${date} with ` +
      `Node.js ${node} on ${cpus} CPUs, by \`${command}\`.`,
  ];
  for (const { name, medians } of results) {
    const adapters = Object.keys(medians).filter((adapter) => Object.keys(medians[adapter]).length > 0);
    const figures = Object.keys(medians[adapters[0]] ?? {});
    lines.push(
      '',
      `### ${name}`,
      '',
      `| | ${figures.join(' | ')} |`,
      `| --- |${figures.map(() => ' ---: |').join('')}`,
    );
    for (const adapter of adapters)
      lines.push(`| ${adapter} | ${figures.map((figure) => round(medians[adapter][figure])).join(' | ')} |`);
    const [ours, baseline] = [medians[OURS], medians[BASELINE]];
    if (ours && baseline && figures.length > 0) {
      lines.push(
        `| **ratio to ${BASELINE}** | ${figures.map((figure) => `**${ratio(ours[figure], baseline[figure])}**`).join(' | ')} |`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}

/** The page about performance. */
export function page(report) {
  return `# Performance

How this package compares with the others, as they are installed by their users, with all guarantees on. Redis, nodes and clients share one machine, so
what counts are the ratios, not the figures. CPU is the time that a process spends on a message. How many messages a second go through is up to all
processes together, clients and Redis included: it differs less than the CPU time of the nodes.

Thousands of messages have gone through before anything is measured, so that it is what goes on for hours. Messages that are emitted together
[share an entry](guarantees.md#on-the-wire) of the stream, as long as no node of \`@socket.io/redis-streams-adapter\` has to read them.

What a node does when it has nothing to do is in [operations](operations.md#what-an-idle-node-costs), and what more nodes, larger payloads and more
sockets cost in [scaling](scaling.md).

${markdown(report)}`;
}

function round(value) {
  if (value === undefined) return '';
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

function ratio(a, b) {
  return b > 0 ? (a / b).toFixed(2) : '–';
}
