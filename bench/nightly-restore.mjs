// Ten times what the tests do of recovery under fire, for a nightly run: `npm run build && node bench/nightly-restore.mjs [--times 10]`.
// Ends with 1 if a client lost a packet, got one twice or out of order, or had to start afresh.
import { parseArgs } from 'node:util';
import { register } from 'tsx/esm/api';

const { values } = parseArgs({ options: { times: { type: 'string', default: '10' } } });
const packets = Number(values.times) * 3_000;

const unregister = register();
const { Cluster } = await import('../test/harness/cluster.ts');
const { joinRoom, joinRoomAfterMiddleware, underFire } = await import('../test/faults/support/fire.ts');
const { RedisServer } = await import('../src/testing/index.ts');

const runs = {
  'two nodes': { nodes: 2, setup: joinRoom },
  'three nodes, a middleware, packets that are not replayed': {
    nodes: 3,
    setup: joinRoomAfterMiddleware,
    recovery: { skipMiddlewares: false },
    fire: { mixed: true },
  },
  'two nodes, Redis killed and restarted': { nodes: 2, setup: joinRoom, fire: { mixed: true }, restart: true },
};

for (const [name, { nodes, setup, recovery = {}, fire, restart }] of Object.entries(runs)) {
  const redis = await RedisServer.start({ appendOnly: restart === true });
  const cluster = await Cluster.start(redis.url, {
    nodes,
    setup,
    serverOptions: { connectionStateRecovery: recovery },
    adapterOptions: { restoreTimeout: 30_000 },
  });
  const start = performance.now();
  try {
    const halfway = restart && (() => redis.kill().then(() => redis.restart()));
    const report = await underFire(cluster, { packets, deadline: 120_000, ...fire, ...(halfway && { halfway }) });
    const seconds = Math.round((performance.now() - start) / 1_000);
    console.log(`${name}: ${packets} packets a node in ${seconds} s`, report);
    const { lost, twice, outOfOrder, differing, notRecovered } = report;
    if (lost + twice + outOfOrder + differing + notRecovered > 0) process.exitCode = 1;
  } finally {
    await cluster.close();
    await redis.stop();
  }
}
await unregister();
