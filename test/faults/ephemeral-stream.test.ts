import { describe, expect, it } from 'vitest';
import { everyNodeHas, startCluster, startRedis, waitFor, type Cluster } from '../harness/index.js';
import { stateOf } from './support/node-state.js';

everyNodeHas({ ephemeral: 'stream' });

describe('nodes of a Redis without channels', () => {
  const without = ['PUBLISH', 'SUBSCRIBE', 'SPUBLISH', 'SSUBSCRIBE'].flatMap((name) => ['--rename-command', name, '']);

  it('know and ask each other, over two connections each', async () => {
    const redis = await startRedis({ args: without });
    const cluster = await startCluster({ redisUrl: redis.url, nodes: 3 });
    await cluster.connectEach();
    for (const node of cluster.nodes) {
      expect(await node.run(async (io) => (await io.fetchSockets()).length)).toBe(3);
      expect((await stateOf(node)).connections.map(({ role }) => role)).toEqual(['writer', 'reader']);
    }
  });

  it('leave little behind of what they say to each other, and nothing in the log', async () => {
    const heartbeats = { heartbeatInterval: 5, heartbeatTimeout: 300, requestTimeout: 300 };
    const cluster = await startCluster({ adapterOptions: heartbeats });
    const info = async (): Promise<{ length: number; 'entries-added'?: number }> =>
      cluster.redis.xInfoStream(side(cluster));
    await waitFor(async () => (await info())['entries-added']! > 1_000, { deadline: 30_000, what: 'many heartbeats' });

    // Redis may have held some up, which come at once then, with what was to be trimmed before.
    await waitFor(async () => (await info()).length < 400, { what: 'the stream to be short' });
    expect(await cluster.redis.exists(cluster.streamName)).toBe(0);
  });

  it('hear what was answered while they could not read', async () => {
    const redis = await startRedis({ args: without });
    const user = ['ACL', 'SETUSER', 'asking', 'on', '>secret', '~*', '+@all'];
    await redis.command(...user);
    const asking = { redisOptions: { username: 'asking', password: 'secret' } };
    const heartbeats = { heartbeatInterval: 60_000, heartbeatTimeout: 120_000 };
    const cluster = await startCluster({
      redisUrl: redis.url,
      adapterOptions: { ...heartbeats, requestTimeout: 30_000 },
      nodes: [asking, {}],
    });
    const client = await cluster.connect(1);
    await redis.command(...user, '-xread');
    await redis.command('CLIENT', 'KILL', 'USER', 'asking');
    await waitFor(async () => (await stateOf(cluster.node(0))).connections.every(({ state }) => state === 'ready'));
    const { uid } = await stateOf(cluster.node(0));
    const answers = async (): Promise<number> => {
      const entries = await cluster.redis.xRange(side(cluster), '-', '+');
      return entries!.filter(({ message }) => message['channel'] === `${cluster.prefix}#@${uid}#`).length;
    };
    const before = await answers();
    const sockets = cluster.node(0).run(async (io) => (await io.fetchSockets()).map(({ id }) => id));
    await waitFor(async () => (await answers()) > before, { what: 'the answer' });
    await redis.command(...user);

    expect(await sockets).toEqual([client.id]);
  });

  it('hear each other again when what they read began anew, with ids that were before', async () => {
    const heartbeats = { heartbeatInterval: 100, heartbeatTimeout: 600 };
    const cluster = await startCluster({ adapterOptions: { ...heartbeats, blockTimeInMs: 600_000 } });
    const name = side(cluster);
    // an hour ahead, where all that follows is, too
    const [seconds] = (await cluster.redis.sendCommand(['TIME'])) as [string, string];
    await cluster.redis.xAdd(name, `${Number(seconds) * 1_000 + 3_600_000}-0`, { nothing: 'more' });
    await heartbeatsAtAll(cluster, 2);
    await cluster.redis.del(name);
    await heartbeatsAtAll(cluster, 5);

    expect(await cluster.node(0).run(async (io) => (await io.fetchSockets()).length)).toBe(0);
  });
});

/** The stream beside the log. */
function side({ prefix }: Cluster): string {
  return `${prefix}#@ephemeral#`;
}

/** Waits until a heartbeat of every node came back to it `count` more times. */
async function heartbeatsAtAll({ nodes }: Cluster, count: number): Promise<void> {
  for (const node of nodes) {
    const echoes = new Set<number | undefined>();
    await waitFor(async () => echoes.add((await stateOf(node)).lastHeartbeat).size > count, {
      deadline: 20_000,
      what: `${count} heartbeats of ${node.name}`,
    });
  }
}

// what they do with channels, they do without
await import('./cluster-membership.test.js');
await import('./cluster-requests.test.js');
