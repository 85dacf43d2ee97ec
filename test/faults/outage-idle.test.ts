import { createServer } from 'node:net';
import type { EventLoopUtilization } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../harness/index.js';
import { connected } from './support/node-state.js';
import { useOwnRedis } from './support/own-redis.js';
import { Traffic, UNHARMED } from './support/traffic.js';

/** Three of each node. */
const CONNECTIONS = 6;

describe('a node while Redis is away', () => {
  const own = useOwnRedis({
    redis: { appendOnly: true },
    serverOptions: { connectionStateRecovery: {} },
    // what is trimmed while one node is back sooner than the other is another matter
    adapterOptions: { maxLen: 1_000_000 },
  });

  it('answers its clients while it is publishing, too', async () => {
    const { redis, cluster } = own();
    await cluster.node(0).run((io) => void io.on('connection', (socket) => socket.on('echo', (answer) => answer())));
    const clients = await cluster.connectEach();
    const traffic = await Traffic.start(cluster, clients, { size: 1_000 });
    await traffic.flows(50);
    await redis.kill();
    for (let i = 0; i < 30; i++) await clients[0]!.socket.timeout(20_000).emitWithAck('echo');
    await redis.restart();

    expect(await traffic.end()).toEqual([UNHARMED, UNHARMED]);
  });

  it('tries to connect ever more slowly, and is idle between', async () => {
    const { redis, cluster } = own();
    // what the clients given to the adapter do is their own affair
    for (const node of cluster.nodes) await node.run((_io, ctx) => ctx.redis.destroy());
    cluster.redis.destroy();
    await redis.kill();
    const attempts = await countConnections(redis.port);
    await cluster.node(0).run((_io, ctx) => void (ctx.state['before'] = performance.eventLoopUtilization()));
    const begin = performance.now();
    const before = attempts.count;
    await waitFor(() => attempts.count >= before + 5 * CONNECTIONS, { deadline: 20_000, what: 'attempts to connect' });
    const elapsed = performance.now() - begin;
    const { utilization } = await cluster
      .node(0)
      .run((_io, ctx) => performance.eventLoopUtilization(ctx.state['before'] as EventLoopUtilization));
    await attempts.end();
    await redis.restart();
    await connected(cluster.nodes);

    // one connection has made five attempts, the delays between which grow from 25 ms, or more, to 200
    expect(elapsed).toBeGreaterThan(300);
    expect(utilization).toBeLessThan(0.7);
  });
});

/** Stands where Redis was, and hangs up on everybody. */
async function countConnections(port: number): Promise<{ readonly count: number; end(): Promise<void> }> {
  let count = 0;
  const server = createServer((socket) => {
    count += 1;
    socket.on('error', () => undefined);
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    get count() {
      return count;
    },
    end: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
