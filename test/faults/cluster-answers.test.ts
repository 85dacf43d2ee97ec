import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RedisServer } from '../../src/testing/index.js';
import { RedisProxy } from '../../src/testing/redis-proxy.js';
import { ownNames, startNodes, type Node } from '../drivers/support/nodes.js';
import { waitFor } from '../harness/index.js';
import { commandStats } from './support/command-stats.js';

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
});

afterAll(() => redis.stop());

type Reply = (answer: string) => void;

describe.each([
  { useShardedPubSub: false, publish: 'publish', numsub: 'NUMSUB' },
  { useShardedPubSub: true, publish: 'spublish', numsub: 'SHARDNUMSUB' },
])(
  'an answer that nobody hears, as the node that asked has lost Redis (sharded: $useShardedPubSub)',
  ({ useShardedPubSub, publish, numsub }) => {
    const names = ownNames();
    const proxies: RedisProxy[] = [];

    afterEach(() => proxies.splice(0).forEach((proxy) => proxy.stop()));

    async function nodes(): Promise<{ asking: Node; answering: Node; proxy: RedisProxy }> {
      const proxy = await RedisProxy.start(redis.port);
      proxies.push(proxy);
      const urls = [proxy.url, redis.url];
      const [asking, answering] = (await startNodes({
        client: () => createClient({ url: urls.shift()! }),
        adapterOptions: {
          ...names,
          useShardedPubSub,
          requestTimeout: 30_000,
          // nothing but answers is published meanwhile
          heartbeatInterval: 60_000,
          heartbeatTimeout: 120_000,
        },
      })) as [Node, Node];
      return { asking, answering, proxy };
    }

    /** Has the node that answers do so while the one that asked has lost Redis. */
    async function answerInVain(proxy: RedisProxy, answer: () => void): Promise<void> {
      proxy.cut();
      await waitFor(
        async () => {
          const reply = await redis.command('PUBSUB', numsub, `${names.channelPrefix}#@cluster#`);
          return Number((reply as [string, number])[1]) === 1;
        },
        { what: 'Redis to notice that one node is gone' },
      );
      const { calls } = await commandStats(redis, publish);
      answer();
      await waitFor(async () => (await commandStats(redis, publish)).calls > calls, { what: 'the answer' });
      proxy.restore();
    }

    it('is sent until it is heard: the response of a node', async () => {
      const { asking, answering, proxy } = await nodes();
      const question = new Promise<Reply>((resolve) => answering.io.on('question', resolve));
      const answers = asking.io.serverSideEmitWithAck('question');
      const reply = await question;
      await answerInVain(proxy, () => reply('answer'));
      expect(await answers).toEqual(['answer']);
    });

    it('is sent until it is heard: the acknowledgements of clients, each of which counts once', async () => {
      const { asking, answering, proxy } = await nodes();
      const clients = [await answering.connect(), await answering.connect()];
      const questions = clients.map(({ socket }) => new Promise<Reply>((resolve) => socket.on('question', resolve)));
      const answers = asking.io.timeout(30_000).emitWithAck('question');
      const replies = await Promise.all(questions);
      // how many clients are asked is an answer, too, and has come before this one
      answering.io.on('later question', (reply: Reply) => reply('later answer'));
      expect(await asking.io.serverSideEmitWithAck('later question')).toEqual(['later answer']);
      await answerInVain(proxy, () => replies.forEach((reply, index) => reply(`answer ${index}`)));
      expect((await answers).toSorted()).toEqual(['answer 0', 'answer 1']);
    });
  },
);
