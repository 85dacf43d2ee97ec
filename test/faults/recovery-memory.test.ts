import { describe, expect, it } from 'vitest';
import { encodeBroadcast } from '../../src/adapter/wire/entry-codec.js';
import { pushEntry } from '../../src/adapter/wire/entry.js';
import type { RedisServer } from '../../src/testing/index.js';
import { startCluster, startRedis, type Cluster, type NodeOptions } from '../harness/index.js';
import { away, numbers, send } from './support/away.js';
import { commandsSince, watchCommands } from './support/commands.js';

const serverOptions = { connectionStateRecovery: {} };

describe('a client that comes back', () => {
  it('costs Redis no read of the stream when the node remembers what it missed', async () => {
    const { cluster, redis } = await start({});
    const client = await away(cluster, 0, { rooms: ['room'] });
    await send(cluster.node(0), 'room', 0, 800);
    await watchCommands(redis);
    for (const node of [1, 0]) {
      await client.connect(cluster.node(node));
      expect(client.recovered).toBe(true);
      await client.next('packet', 800);
      await client.drop();
      await cluster.sessionSaved(client);
    }

    expect(client.received('packet')).toEqual(numbers(0, 800));
    expect(await commandsSince(redis, 'XRANGE')).toEqual([]);
    // the way of looking sees what it should
    expect(await commandsSince(redis, 'GET')).not.toEqual([]);
  });

  it('costs pages of the stream when the node has forgotten, and no more of it than that', async () => {
    const { cluster, redis } = await start({ adapterOptions: { recentMaxBytes: 50_000, interop: true } });
    const client = await away(cluster, 0, { rooms: ['room'] });
    await send(cluster.node(0), 'room', 0, 1_200);
    await cluster.barrier([await cluster.connect(1)]);
    await watchCommands(redis);
    await client.connect(cluster.node(1));
    expect(client.recovered).toBe(true);
    await client.next('packet', 1_200);

    expect(client.received('packet')).toEqual(numbers(0, 1_200));
    const reads = await commandsSince(redis, 'XRANGE');
    const counts = reads.map((args) => Number(args[args.indexOf('COUNT') + 1]));
    expect(reads.length).toBe(6);
    expect(counts.every((count) => count <= 200)).toBe(true);
    const end = reads.at(-1)![3]!;
    const newest = client.offsets('packet').at(-1)!;
    // the last thousandths of a second are in memory
    expect([end, end === '+', end === newest]).toEqual([expect.stringMatching(/^\d+-\d+$/), false, false]);
  });

  it('gets everything from Redis where nodes are to remember nothing', async () => {
    const { cluster } = await start({ adapterOptions: { recentMaxBytes: 0 } });
    const client = await away(cluster, 0, { rooms: ['room'] });
    await send(cluster.node(0), 'room', 0, 100);
    await client.connect(cluster.node(1));
    await send(cluster.node(0), 'room', 100, 110);

    expect(client.recovered).toBe(true);
    expect(await client.next('packet', 110)).toEqual(numbers(0, 110));
  });

  it('starts afresh when the stream holds far more than a node expects, which is not read to its end', async () => {
    const { cluster, redis } = await start({
      adapterOptions: { interop: true },
      nodes: [{}, { adapterOptions: { maxLen: 100, recentMaxBytes: 1_000, interop: true } }],
    });
    const client = await away(cluster, 0, { rooms: ['room'] });
    await send(cluster.node(0), 'room', 0, 3_000);
    await cluster.barrier([await cluster.connect(0)]);
    await watchCommands(redis);
    await client.connect(cluster.node(1));

    expect(client.recovered).toBe(false);
    expect(await commandsSince(redis, 'XRANGE')).toHaveLength(3);
  });

  it('starts afresh when far more was published than is read for a client, where the stream is kept by time alone', async () => {
    const { cluster, redis } = await start({
      nodes: [{ adapterOptions: { maxAge: 3_600_000, recentMaxBytes: 0, restoreTimeout: 60_000 } }],
    });
    const client = await away(cluster, 0);
    await addEntries(cluster, 101_000);
    await cluster.barrier([await cluster.connect(0)]);
    await watchCommands(redis);
    await client.connect(cluster.node(0));

    expect(client.recovered).toBe(false);
    // a hundred thousand, the page more that every limit allows for, and the one in which there are more than that
    expect(await commandsSince(redis, 'XRANGE')).toHaveLength(502);
  }, 180_000);
});

/** Adds entries to the stream of the cluster, for nobody, faster than a node would. */
async function addEntries(cluster: Cluster, count: number): Promise<void> {
  const opts = { rooms: ['nobody'], except: [], flags: {} };
  const message = { ...encodeBroadcast(['event'], opts, undefined, false), namespace: '/', carrier: undefined };
  for (let seq = 1; seq <= count;) {
    const added: Promise<unknown>[] = [];
    for (const end = seq + 1_000; seq < end; seq++) {
      const command = ['XADD', cluster.streamName, '*'];
      pushEntry(command, { uid: 'other', publisher: 'other', seq }, [message]);
      added.push(cluster.redis.sendCommand(command));
    }
    await Promise.all(added);
  }
}

async function start(
  options: NodeOptions & { nodes?: NodeOptions[] },
): Promise<{ cluster: Cluster; redis: RedisServer }> {
  const redis = await startRedis();
  return { redis, cluster: await startCluster({ redisUrl: redis.url, serverOptions, ...options }) };
}
