// Ten times what the tests do of recovery under fire, for a nightly run: `npm run nightly`, `npm run nightly -- --times 1`.
// Ends with 1 if a client lost a packet, got one twice or out of order, or had to start afresh.
import { parseArgs } from 'node:util';
import { register } from 'tsx/esm/api';

const { values } = parseArgs({ options: { times: { type: 'string', default: '10' } } });
const packets = Number(values.times) * 3_000;

const unregister = register();
const { setup: bundleNode } = await import('../test/harness/bundle-node.ts');
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
  'two nodes, Redis killed and restarted': {
    nodes: 2,
    setup: joinRoom,
    fire: { mixed: true },
    halfway: async (_cluster, redis) => {
      await redis.kill();
      await redis.restart();
    },
  },
  'three nodes, one of them killed, crash-safe sessions': {
    nodes: 3,
    setup: joinRoom,
    adapter: { sessions: 'crash-safe', heartbeatInterval: 300, heartbeatTimeout: 1_500 },
    // what a node has not published yet is lost with it
    publishers: 2,
    halfway: async (cluster) => {
      cluster.node(2).kill('SIGKILL');
      await cluster.node(2).exited;
    },
  },
};

const removeNode = await bundleNode();
for (const [name, run] of Object.entries(runs)) {
  const { nodes, setup, recovery = {}, adapter, publishers = nodes, fire, halfway } = run;
  const redis = await RedisServer.start({ appendOnly: true });
  const cluster = await Cluster.start(redis.url, {
    nodes,
    setup,
    serverOptions: { connectionStateRecovery: recovery },
    // A session that a killed node was restoring is free after ten seconds; the stream is to hold what is published meanwhile.
    adapterOptions: { restoreTimeout: 30_000, maxLen: 100_000, ...adapter },
  });
  const start = performance.now();
  try {
    const report = await underFire(cluster, {
      packets,
      deadline: 120_000,
      publishers: cluster.nodes.slice(0, publishers),
      halfway: () => halfway?.(cluster, redis),
      ...fire,
    });
    const seconds = Math.round((performance.now() - start) / 1_000);
    console.log(`${name}: ${packets} packets a node in ${seconds} s`, report);
    const { lost, twice, outOfOrder, differing, notRecovered } = report;
    if (lost + twice + outOfOrder + differing + notRecovered > 0) process.exitCode = 1;
  } finally {
    await cluster.close();
    await redis.stop();
  }
}
await removeNode();
await unregister();
