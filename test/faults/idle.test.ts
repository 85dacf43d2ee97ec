import { describe, expect, it } from 'vitest';
import { startCluster, startRedis, waitFor, type Cluster, type ServerNode } from '../harness/index.js';

describe('a node with nothing to do', () => {
  it.each([
    ['pubsub', 'publish'],
    ['stream', 'xadd'],
  ] as const)('asks Redis for no more than its heartbeats and reads (%s)', async (ephemeral, heartbeat) => {
    const redis = await startRedis();
    const timing = { heartbeatInterval: 200, heartbeatTimeout: 10_000, blockTimeInMs: 200 };
    const cluster = await startCluster({
      redisUrl: redis.url,
      nodes: 1,
      adapterOptions: { ephemeral, ...timing },
    });
    const before = await counts(cluster);
    const risen = await waitFor(
      async () => {
        const now = Object.entries(await counts(cluster)).map(([name, calls]) => [name, calls - (before[name] ?? 0)]);
        const all = Object.fromEntries(now.filter(([, calls]) => calls !== 0)) as Record<string, number>;
        return (all[heartbeat] ?? 0) >= 10 && all;
      },
      { deadline: 30_000, what: 'ten heartbeats' },
    );

    expect(Object.keys(risen).sort()).toEqual([heartbeat, 'xinfo|stream', 'xread'].sort());
    // a read ends when it has waited for long enough, or with a heartbeat
    const most = (ephemeral === 'stream' ? 2 : 1) * risen[heartbeat]! + 4;
    expect(risen['xread']).toBeLessThanOrEqual(most);
    // the stream is looked at now and then; where heartbeats come in it, it is none of which nothing comes
    expect(risen['xinfo|stream']).toBeLessThanOrEqual(ephemeral === 'stream' ? most : Math.ceil(most / 6));
  });

  it('stops while it waits for entries, however long it would wait', async () => {
    const cluster = await startCluster({ nodes: 1, adapterOptions: { blockTimeInMs: 2_000_000_000 } });
    const [node] = cluster.nodes as [ServerNode];
    await waitFor(
      () =>
        node.run(async (_io, ctx) =>
          (await ctx.connections()).some(({ name, cmd }) => name === ctx.options.name && cmd === 'xread'),
        ),
      { what: 'a read that waits' },
    );
    // it would take three weeks
    expect(await node.close()).toEqual({ code: 0, signal: null });
  });
});

/** How often Redis was asked to do anything, but for this question. */
async function counts({ redis }: Cluster): Promise<Record<string, number>> {
  const info = await redis.info('commandstats');
  const calls = [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name, count]) => [name!, Number(count)]);
  return Object.fromEntries(calls.filter(([name]) => name !== 'info')) as Record<string, number>;
}
