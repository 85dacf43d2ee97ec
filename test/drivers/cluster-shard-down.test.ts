import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { Routing } from '../../src/adapter/stream/routing.js';
import { RedisClusterServer } from '../../src/testing/index.js';
import { waitFor } from '../harness/index.js';
import { clusterFamilies } from './support/families.js';
import { ownNames, startNodes } from './support/nodes.js';

let redis: RedisClusterServer;

beforeAll(async () => {
  redis = await RedisClusterServer.start({ args: ['--cluster-require-full-coverage', 'no'] });
});

afterAll(() => redis.stop());

it('has the answers of a namespace whose shard is well, while that of other namespaces is down', async () => {
  // of its two streams, one is where the channels are, and one is not
  const options = { ...ownNames('test'), streamCount: 2 };
  const routing = new Routing({ ...options, streamBy: 'namespace' });
  const masters = await Promise.all(routing.streams.map((stream) => redis.masterOf(stream)));
  const channels = await redis.masterOf(options.channelPrefix);
  const victim = masters.find((master) => master !== channels)!;
  const namespaces = Array.from({ length: 10 }, (_, n) => `/${n}`);
  const namespace = namespaces.find((name) => masters[routing.streams.indexOf(routing.streamOf(name))] !== victim)!;

  const [family] = clusterFamilies(() => redis.nodes);
  const nodes = await startNodes({
    client: async () => {
      const given = await family!.create({ name: 'shard-down' });
      onTestFinished(() => given.close());
      return given.client;
    },
    adapterOptions: options,
  });
  for (const [index, { io }] of nodes.entries()) {
    io.of(namespace).on('question', (answer: (index: number) => void) => answer(index));
  }
  await victim.kill();
  for (const { events } of nodes) {
    await waitFor(() => events.some(({ name, role }) => name === 'connectionLost' && role === 'writer'), {
      what: 'the nodes to notice',
    });
  }
  const answers = await nodes[0]!.io.of(namespace).serverSideEmitWithAck('question');
  expect(answers).toEqual([1]);
});
