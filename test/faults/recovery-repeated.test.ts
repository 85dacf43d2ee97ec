import { expect, it } from 'vitest';
import { logMessages } from '../harness/log-messages.js';
import { startCluster, startRedis, waitFor } from '../harness/index.js';
import { numbers, present, send } from './support/away.js';
import { RedisProxy } from './support/redis-proxy.js';

it('a client gets nothing twice that is repeated while it is away, long after it was published', async () => {
  const redis = await startRedis();
  const proxy = await RedisProxy.start(redis);
  const cluster = await startCluster({
    redisUrl: redis.url,
    serverOptions: { connectionStateRecovery: {} },
    // what was missed comes from Redis
    adapterOptions: { recentMaxBytes: 0 },
    nodes: [{ redisUrl: proxy.url }, {}],
  });
  const [unlucky, other] = [cluster.node(0), cluster.node(1)];
  const [witness, ...clients] = await Promise.all([1, 2, 3].map(() => present(cluster, other, { rooms: ['room'] })));
  proxy.shut();
  proxy.loseReplies(1);
  // it is in the stream, and its node does not know
  await send(unlucky, 'room', 0, 10);
  await witness!.next('packet', 10);
  // each in an entry of its own, and then into the next second: that is how far is looked back at the least
  await other.run(async (io) => {
    const second = (): number => Math.floor(Date.now() / 1_000);
    let last = second();
    for (let n = 0; n < 600 || second() === last; n++) {
      if (n < 600) last = second();
      io.to('elsewhere').emit('packet', n);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  });
  await send(other, 'room', 10, 11);
  for (const client of clients) {
    await client.next('packet', 11);
    await client.drop();
    await cluster.sessionSaved(client);
  }
  proxy.loseReplies(0);
  proxy.admit();
  await waitFor(
    async () => (await logMessages(cluster)).filter(({ data }) => data.includes('["packet",9]')).length === 2,
    {
      what: 'the repetition',
    },
  );
  await send(unlucky, 'room', 11, 12);
  await witness!.next('packet', 12);
  // one node has read it all, and the other has to look it up
  const later = await cluster.addNode();
  for (const [i, node] of [other, later].entries()) {
    const client = clients[i]!;
    await client.connect(node);
    expect(client.recovered).toBe(true);
    await client.next('packet', 12);
    await cluster.barrier([client]);
    expect(client.received('packet')).toEqual(numbers(0, 12));
  }
  expect(witness!.received('packet')).toEqual(numbers(0, 12));
});
