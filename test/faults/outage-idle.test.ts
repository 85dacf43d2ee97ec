import { describe, expect, it } from 'vitest';
import { connected } from './support/node-state.js';
import { useOwnRedis } from './support/own-redis.js';
import { Traffic, UNHARMED } from './support/traffic.js';

describe('a node while Redis is away', () => {
  const own = useOwnRedis({ redis: { appendOnly: true }, serverOptions: { connectionStateRecovery: {} } });

  it('waits without spinning', async () => {
    const { redis, cluster } = own();
    await redis.kill();
    const { cpu, elapsed, delay } = await cluster.node(0).run(async () => {
      const { monitorEventLoopDelay } = process.getBuiltinModule('node:perf_hooks');
      const histogram = monitorEventLoopDelay({ resolution: 10 });
      histogram.enable();
      const [before, begin] = [process.cpuUsage(), performance.now()];
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const { user, system } = process.cpuUsage(before);
      return {
        cpu: (user + system) / 1_000,
        elapsed: performance.now() - begin,
        delay: histogram.percentile(90) / 1e6,
      };
    });
    await redis.restart();
    await connected(cluster.nodes);

    expect(cpu).toBeLessThan(elapsed / 3);
    expect(delay).toBeLessThan(200);
  });

  it('answers its clients while it is publishing, too', async () => {
    const { redis, cluster } = own();
    await cluster.node(0).run((io) => void io.on('connection', (socket) => socket.on('echo', (answer) => answer())));
    const clients = await cluster.connectEach();
    const traffic = await Traffic.start(cluster, clients, { size: 1_000 });
    await traffic.flows(50);
    await redis.kill();
    for (let i = 0; i < 100; i++) await clients[0]!.socket.timeout(5_000).emitWithAck('echo');
    await redis.restart();

    expect(await traffic.end()).toEqual([UNHARMED, UNHARMED]);
  });
});
