import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { createEmitter } from '../../src/adapter/index.js';
import { RedisClusterServer, type RedisServer } from '../../src/testing/index.js';
import { waitFor } from '../harness/index.js';
import { clusterFamilies } from './support/families.js';
import { ownNames, startNodes, type Node } from './support/nodes.js';

let redis: RedisClusterServer;

beforeAll(async () => {
  redis = await RedisClusterServer.start({ nodeTimeout: 5_000 });
});

afterAll(() => redis.stop());

it('a node that starts when the slot of the channels has moved knows all others, which then listen where it does', async () => {
  const names = ownNames();
  const [family] = clusterFamilies(() => redis.nodes);
  const start = (count: number): Promise<Node[]> =>
    startNodes({
      client: async () => {
        const given = await family!.create({ name: 'resharded' });
        onTestFinished(() => given.close());
        return given.client;
      },
      count,
      // of the messages between nodes, none but what the test is about
      adapterOptions: { ...names, heartbeatInterval: 60_000, heartbeatTimeout: 120_000 },
    });
  const old = await start(2);
  const from = await redis.masterOf(names.channelPrefix);
  const to = redis.nodes.find((node) => node !== from)!;
  // those of their streams have not, so nobody tells them
  await redis.move(names.channelPrefix, to);
  await everyServerKnows(names.channelPrefix, to);

  const [newcomer] = await start(1);
  const members = newcomer!.factory.snapshot()[0]!.members.map(({ uid }) => uid);
  expect(members.sort()).toEqual(old.map(({ factory }) => factory.snapshot()[0]!.uid).sort());
  await waitFor(
    async () => {
      const [, count] = (await to.command('PUBSUB', 'NUMSUB', `${names.channelPrefix}#@cluster#`)) as [string, number];
      return Number(count) === 3;
    },
    { what: 'all nodes to listen on the new master' },
  );
  for (const [index, { io }] of old.entries()) {
    io.on('question', (answer: (index: number) => void) => answer(index));
  }
  expect((await newcomer!.io.serverSideEmitWithAck('question')).sort()).toEqual([0, 1]);
});

it('an emitter that was idle while its stream was moved, and the former master taken out of the cluster, finds it', async () => {
  const shrinking = await RedisClusterServer.start({ nodeTimeout: 5_000 });
  onTestFinished(() => shrinking.stop());
  const names = ownNames();
  const [family] = clusterFamilies(() => shrinking.nodes);
  const given = await family!.create({ name: 'idle' });
  onTestFinished(() => given.close());
  const emitter = createEmitter(given.client, names);
  onTestFinished(() => emitter.close());
  const before = await emitter.emit('before');
  const from = await shrinking.masterOf(names.streamName);
  const to = shrinking.nodes.find((node) => node !== from)!;
  await shrinking.move(names.streamName, to);
  // it runs on, and knows nobody any more
  await from.command('CLUSTER', 'RESET', 'SOFT');
  const after = await emitter.emit('after');

  const entries = (await to.command('XRANGE', names.streamName, '-', '+')) as Array<[string, string[]]>;
  expect(entries.map(([id]) => id)).toEqual([before, after]);
});

/** Waits until every server of the cluster says that `master` has the slot of the key. */
async function everyServerKnows(key: string, master: RedisServer): Promise<void> {
  const slot = await redis.slotOf(key);
  const ownerSeenBy = async (server: RedisServer): Promise<number | undefined> => {
    const ranges = (await server.command('CLUSTER', 'SLOTS')) as Array<[number, number, [string, number]]>;
    return ranges.find(([first, last]) => first <= slot && slot <= last)?.[2][1];
  };
  await waitFor(async () => (await Promise.all(redis.nodes.map(ownerSeenBy))).every((port) => port === master.port), {
    deadline: 10_000,
    interval: 50,
    what: 'every server to know where the slot is',
  });
}
