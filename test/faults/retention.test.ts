import { describe, expect, it } from 'vitest';
import type { RedisServer } from '../../src/testing/index.js';
import { startCluster, startRedis, waitFor, type Cluster, type ServerNode } from '../harness/index.js';
import { logMessages } from '../harness/log-messages.js';
import { away, numbers, send } from './support/away.js';
import { commandStats } from './support/command-stats.js';
import { drained } from './support/node-state.js';
import { keepEvents } from './support/own-redis.js';

const HOUR = 3_600_000;
const MINUTE = 60_000;

/** Entries go in blocks of a hundred. */
const BLOCK = 100;

describe('a stream that is trimmed by age', () => {
  it('loses what is older by the clock of Redis, and nothing else, whatever the clocks of the nodes say', async () => {
    const cluster = await startCluster({
      nodes: [
        {
          setup: () => {
            const now = Date.now.bind(Date);
            Date.now = () => now() + 3_600_000;
          },
        },
        {
          setup: () => {
            const now = Date.now.bind(Date);
            Date.now = () => now() - 3_600_000;
          },
        },
      ],
      adapterOptions: { maxAge: MINUTE },
    });
    await fill(cluster, 5 * BLOCK, HOUR);
    // more than the default of `maxLen`
    for (const node of cluster.nodes) await publish(node, 6_000);

    const { length } = await logMessages(cluster);
    expect(length).toBeGreaterThanOrEqual(12_000);
    expect(length).toBeLessThanOrEqual(12_000 + BLOCK);
  });

  it('lets a client recover, however much it missed meanwhile', async () => {
    const cluster = await startCluster({
      adapterOptions: { maxAge: HOUR, recentMaxBytes: 0 },
      serverOptions: { connectionStateRecovery: {} },
    });
    const client = await away(cluster, 0, { rooms: ['mine'] });
    await send(cluster.node(0), 'mine', 0, 1);
    // twice the default of `maxLen`, and more
    await send(cluster.node(0), 'theirs', 0, 21_000);
    await send(cluster.node(0), 'mine', 1, 2);
    await drained(cluster.node(0));
    await client.connect(cluster.node(1));

    expect(client.recovered).toBe(true);
    expect(await client.next('packet', 2)).toEqual(numbers(0, 2));
  });

  it('is kept within a length, too, where one is given', async () => {
    const cluster = await startCluster({ nodes: 1, adapterOptions: { maxAge: MINUTE, maxLen: 1_000 } });
    await expectLength(cluster, 1_000);
  });
});

describe('a stream that is trimmed by length', () => {
  it.each([
    ['one message', true],
    ['several messages', false],
  ])('keeps so many messages and few more, where entries hold %s', async (_name, interop) => {
    const cluster = await startCluster({ adapterOptions: { maxLen: 1_000, interop } });
    await expectLength(cluster, 1_000);
  });
});

describe('a node whose clients may be away for longer than the stream reaches back', () => {
  const options = {
    nodes: 1,
    setup: keepEvents,
    serverOptions: { connectionStateRecovery: { maxDisconnectionDuration: MINUTE } },
  };

  it('says so once, when it looks at the stream anyway', async () => {
    const redis = await startRedis();
    // An entry a message: else it depends on the machine into how many entries they go, and whether any is trimmed.
    const adapterOptions = { maxLen: BLOCK, blockTimeInMs: 50, interop: true };
    const cluster = await startCluster({ ...options, redisUrl: redis.url, adapterOptions });
    const [node] = cluster.nodes as [ServerNode];
    for (let i = 0; i < 5; i++) await publish(node, BLOCK);
    await node.recorded('retentionTooShort', 1);
    await looks(redis, 3);

    expect(await node.recorded('retentionTooShort')).toEqual([
      [{ stream: cluster.streamName, retention: expect.any(Number), maxDisconnectionDuration: MINUTE }],
    ]);
  });

  it('says nothing of a stream of which nothing was trimmed, or that reaches back far enough', async () => {
    const redis = await startRedis();
    const adapterOptions = { maxAge: 2 * MINUTE, blockTimeInMs: 50 };
    const cluster = await startCluster({ ...options, redisUrl: redis.url, adapterOptions });
    const [node] = cluster.nodes as [ServerNode];
    await publish(node, 10);
    await looks(redis, 3);
    expect(await node.recorded('retentionTooShort')).toEqual([]);

    await cluster.redis.del(cluster.streamName);
    await fill(cluster, 5 * BLOCK, HOUR);
    await fill(cluster, BLOCK, 1.5 * MINUTE);
    await publish(node, 10);
    expect(await cluster.redis.xLen(cluster.streamName)).toBeLessThanOrEqual(2 * BLOCK);
    await looks(redis, 3);
    expect(await node.recorded('retentionTooShort')).toEqual([]);
  });
});

/** Adds entries that are so old, by their ids, in milliseconds. */
async function fill({ redis, streamName }: Cluster, count: number, age: number): Promise<void> {
  const [seconds] = (await redis.sendCommand(['TIME'])) as [string, string];
  const time = Number(seconds) * 1_000 - age;
  const entry = { uid: 'emitter', nsp: '/elsewhere', type: '3', data: '{}' };
  for (let i = 0; i < count; i++) await redis.xAdd(streamName, `${time}-${i}`, entry);
}

/** Publishes far more than `length` messages, and expects that the stream holds about so many. */
async function expectLength(cluster: Cluster, length: number): Promise<void> {
  const clients = await cluster.connectEach();
  for (let i = 0; i < 30; i++) {
    for (const node of cluster.nodes) await publish(node, BLOCK);
    // what is to be kept is known from what was read
    await cluster.barrier(clients);
  }
  const messages = await logMessages(cluster);
  expect(messages.length).toBeGreaterThanOrEqual(length);
  expect(messages.length).toBeLessThanOrEqual(length + 4 * BLOCK);
}

async function publish(node: ServerNode, count: number): Promise<void> {
  await node.run((io, _ctx, total) => {
    for (let i = 0; i < total; i++) io.emit('message', i);
  }, count);
  await drained(node);
}

/** Waits until the streams were looked at `count` more times. */
async function looks(redis: RedisServer, count: number): Promise<void> {
  const looked = async (): Promise<number> => (await commandStats(redis, 'xinfo|stream')).calls;
  const before = await looked();
  await waitFor(async () => (await looked()) >= before + count, { what: `${count} looks at the stream` });
}
