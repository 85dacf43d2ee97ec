import { describe, expect, it } from 'vitest';
import { startCluster, startRedis, waitFor } from '../harness/index.js';

describe('a node that is closed while others owe it answers', () => {
  for (const recovery of [false, true]) {
    it(`tells those who wait for them, and its process ends by itself (recovery: ${recovery})`, async () => {
      const cluster = await startCluster({
        nodes: [{ mayExit: true }, {}],
        // nothing ends by the lapse of time
        adapterOptions: { requestTimeout: 600_000, heartbeatInterval: 100_000, heartbeatTimeout: 300_000 },
        ...(recovery && { serverOptions: { connectionStateRecovery: {} } }),
      });
      const [closing, silent] = [cluster.node(0), cluster.node(1)];
      silent.kill('SIGSTOP');
      const told = await closing.run(async (io, ctx) => {
        const outcome = (result: Promise<unknown>): Promise<unknown> =>
          result.then(
            () => 'resolved',
            ({ name, message }: Error) => `${name}: ${message}`,
          );
        const results = [
          outcome(io.fetchSockets()),
          outcome(io.serverSideEmitWithAck('question')),
          new Promise((resolve) =>
            io.serverSideEmit('question', (error: Error, responses: unknown[]) => resolve([error.name, responses])),
          ),
          // Socket.IO has a time of its own for this one
          outcome(io.timeout(1_000).emitWithAck('question')),
        ];
        await io.close();
        results.push(outcome(io.serverSideEmitWithAck('too late')));
        await ctx.redis.close();
        const answers = await Promise.all(results);
        // the harness ends the process otherwise, and keeps it from ending
        process.removeAllListeners('disconnect');
        setImmediate(() => process.disconnect());
        return answers;
      });
      let exit: unknown;
      void closing.exited.then((result) => (exit = result));
      await waitFor(() => exit, { deadline: 20_000, what: 'the process to end' });

      expect(told).toEqual([
        'AdapterClosedError: fetchSockets() was given up: the adapter was closed.',
        'AdapterClosedError: serverSideEmit() was given up: the adapter was closed.',
        ['AdapterClosedError', []],
        'Error: operation has timed out',
        'AdapterClosedError: serverSideEmit() was given up: the adapter was closed.',
      ]);
      expect(exit).toEqual({ code: 0, signal: null });
      expect(closing.stderr).toBe('');
    });
  }
});

describe('a namespace that is made while its node says farewell', () => {
  it('keeps no connections', async () => {
    const redis = await startRedis();
    const cluster = await startCluster({ redisUrl: redis.url, nodes: 1 });
    const node = cluster.node(0);
    // that of the client given to the adapter is one of them
    const connections = (): Promise<number> =>
      node.run(async (_io, ctx) => (await ctx.connections()).filter(({ name }) => name === ctx.options.name).length);
    expect(await connections()).toBe(4);
    await redis.pause();
    await node.run((io, ctx) => {
      const { close } = ctx.adapterFactory as unknown as { close(server: unknown): Promise<void> };
      ctx.state['closed'] = close(io);
      io.of('/late');
    });
    await redis.resume();
    await node.run((_io, ctx) => ctx.state['closed'] as Promise<void>);

    await waitFor(async () => (await connections()) === 1, { what: 'the connections to end' });
  });
});
