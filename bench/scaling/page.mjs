import { predict, situationOf, TERMS } from './model.mjs';

const NAMES = {
  redis: 'Redis',
  read: 'every node, to read it',
  publish: 'the node that emits it, besides',
  deliver: 'a node with sockets for it, besides',
};

/** docs/scaling.md. */
export function page(report) {
  return [introduction(report), costs(report), fitness(report), limits(report), advice(report)].join('\n');
}

function introduction({ date, node, cpus, rounds, command }) {
  return `# Scaling

What a message costs, how far one Redis and one stream go, and what to do beyond. The figures are CPU time, so that they hold however many cores
there are: a core has 1,000,000 µs a second. They were measured on ${date} with Node.js ${node} on ${cpus} CPUs, medians of ${rounds} round${rounds === 1 ? '' : 's'}, by \`${command}\`,
and depend on the machine: run it on yours. They are of processes that have just started, after 4,000 messages; [performance](performance.md) measures the same
for longer, and finds half to three quarters of it, so take them for an upper bound.
`;
}

function costs({ model }) {
  const names = [...new Set(Object.values(TERMS).flatMap((terms) => Object.keys(terms)))];
  const cell = (figure, name) => (name in model[figure] ? micros(model[figure][name]) : '');
  return `## What a message costs

Each node reads the whole stream, so each message of anybody costs every node a little, and Redis a little for every node. Messages that are emitted
together [share an entry](guarantees.md#on-the-wire), up to 128 of them, and what an entry costs is shared by them. In CPU µs:

${table(
  ['', ...names.map((name) => (name === '' ? 'a message' : name))],
  Object.keys(TERMS).map((figure) => [NAMES[figure], ...names.map((name) => cell(figure, name))]),
)}
A node that emits a message now and then gives each an entry of its own, and one that emits many at once puts them together. A KB is one of
the payload, a socket one that the message is delivered to on that node. To how many rooms it is sent, and over how many streams
the namespaces are spread, makes no difference that stands out from the measurements below.
`;
}

function fitness({ measurements, model }) {
  const figures = Object.keys(TERMS);
  const cells = ({ cpu }, situation) =>
    figures.map((figure) =>
      cpu[figure] === undefined ? '' : `${micros(cpu[figure])} (${micros(predict(model, figure, situation))})`,
    );
  return `## How well that fits

Measured, and in brackets what the model says:

${table(
  ['nodes', 'payload', 'sockets', 'rooms', 'streams', 'messages an entry', ...figures],
  measurements.map((one) => [
    one.nodes,
    `${one.size.toLocaleString('en')} B`,
    one.sockets,
    one.rooms,
    one.streamCount,
    micros(1 / one.entries),
    ...cells(one, situationOf(one)),
  ]),
)}`;
}

/** Messages that share an entry, where many are emitted at once. */
const TOGETHER = 20;

/** The share of a core that is to be spent at most: the rest is for bursts, and for the application. */
const SHARE = 0.5;

function limits({ model }) {
  const rows = [4, 16, 64, 256, 1_000, 10_000].flatMap((nodes) =>
    [1, TOGETHER].map((messages) => {
      const situation = situationOf({ nodes, sockets: 1, size: 200, entries: 1 / messages });
      const redis = (SHARE * 1e6) / predict(model, 'redis', situation);
      const reading = (SHARE * 1e6) / predict(model, 'read', situation);
      return [
        nodes.toLocaleString('en'),
        messages,
        count(redis),
        count(reading),
        redis < reading ? 'Redis' : 'the nodes',
        count(Math.min(redis, reading) / nodes),
      ];
    }),
  );
  return `## How far one stream goes

Messages a second in the whole cluster, with a payload of 200 B to one room, at which half a core is busy: the one of Redis, which adds each
message and sends it to each node, or the one of a node, which reads all of them.

${table(['nodes', 'messages an entry', 'Redis', 'a node', 'first to be busy', 'messages a second and node'], rows)}`;
}

function advice({ model }) {
  const nodes = 10_000;
  const situation = situationOf({ nodes, sockets: 1, size: 200, entries: 1 });
  const redisCores = (nodes * predict(model, 'redis', situation)) / 1e6;
  const readShare = (nodes * predict(model, 'read', situation)) / 1e6;
  const inCell = situationOf({ nodes: 100, sockets: 1, size: 200, entries: 1 });
  const cellRedis = (100 * predict(model, 'redis', inCell)) / 1e6;
  const cellRead = (100 * predict(model, 'read', inCell)) / 1e6;
  return `## What to do beyond

1. **When Redis is busy first: several streams.** \`streamCount\` spreads the namespaces over streams, and a Redis Cluster spreads the streams over its
   masters; [\`streamBy: 'room'\`](options.md#rooms-over-several-streams) spreads the rooms of each. Each message costs one of the masters what it costs Redis
   above. The nodes still read everything.
2. **When the nodes are busy first: several clusters.** What no user needs to see belongs into another stream: give each tenant, region or game a
   \`keyPrefix\` of its own, and a share of the nodes. A balancer that sends a tenant's users to the tenant's nodes is all that it takes.
3. **When payloads are large:** publish what the clients need to fetch the rest. A KB costs Redis once for every node.
4. **With hundreds of nodes: fewer heartbeats.** Each heartbeat goes to every node. At the default of one in 5 s, Redis sends ${heartbeats(100)} a second for
   100 nodes, and ${heartbeats(1_000)} for 1,000, besides everything else: raise \`heartbeatInterval\` and \`heartbeatTimeout\`, or see 2.

### 10,000 nodes

If each of ${count(nodes)} nodes emits one message a second, each has an entry of its own. Each node spends ${percent(readShare)} of a core on reading them, and Redis needs ${cores(redisCores)} to send all
of them to everybody: ${count(Math.ceil(redisCores / SHARE))} masters and as many streams, if each is to be half busy. The same nodes as 100 clusters of 100, each with a
stream of its own, spend ${percent(cellRead)} of a core a node and ${percent(cellRedis)} of a core a Redis: a hundredth of the nodes read each message.
Every message that has to go everywhere costs what it costs above; that few have to is what makes a large system cheap.

The latter figures are the model's, far beyond what was measured.
`;
}

/** Heartbeats that Redis sends a second, to all nodes together. */
function heartbeats(nodes) {
  return ((nodes * nodes) / 5).toLocaleString('en');
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return `${[line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n')}\n`;
}

function micros(value) {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(2);
}

function count(value) {
  return Number(value.toPrecision(2)).toLocaleString('en');
}

function percent(share) {
  return `${Number((100 * share).toPrecision(2))} %`;
}

function cores(value) {
  return `${count(value)} cores`;
}
