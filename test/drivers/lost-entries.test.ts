import { createClient } from 'redis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RedisServer } from '../../src/testing/index.js';
import { RedisProxy } from '../../src/testing/redis-proxy.js';
import { waitFor } from '../harness/index.js';
import { ownNames, startNodes, type Node } from './support/nodes.js';

/** What was acknowledged is no longer there, as after a failover to a replica that had not got that far. */
describe('entries that Redis had acknowledged, and lost before every node had read them', () => {
  it.each([
    ['nobody publishes any more', false, 'pubsub'],
    // heartbeats come in with what is read, and more often than an entry may take
    ['nobody publishes any more, and there are no channels', false, 'stream'],
    ['another node goes on publishing', true, 'pubsub'],
  ] as const)('are told of as a gap where they were not read, and once: %s', async (_title, another, ephemeral) => {
    const redis = await RedisServer.start();
    onTestFinished(() => redis.stop());
    const proxy = await RedisProxy.start(redis.port);
    onTestFinished(() => proxy.stop());
    const urls = [redis.url, redis.url, proxy.url];
    const [publisher, other, behind] = (await startNodes({
      count: 3,
      client: () => createClient({ url: urls.shift()! }),
      adapterOptions: {
        ...ownNames(),
        ephemeral,
        blockTimeInMs: 60_000,
        heartbeatInterval: 400,
        heartbeatTimeout: 2_000,
      },
      // own clients are served from the log, too
      recovery: true,
    })) as [Node, Node, Node];
    const clients = await Promise.all([publisher, other, behind].map((node) => node.connect()));
    publisher.io.emit('number', 0);
    other.io.emit('number', 1);
    for (const client of clients) await client.next('number', 2);
    await redis.command('SAVE');

    proxy.cut();
    for (let number = 2; number < 12; number++) {
      publisher.io.emit('number', number);
      // in an entry of its own
      for (const client of clients.slice(0, 2)) await client.next('number', number + 1);
    }
    // who reads may be told before who publishes, and what was not acknowledged is published again
    await waitFor(() => publisher.factory.snapshot()[0]!.outboxSize === 0, { what: 'the acknowledgement' });
    await redis.kill();
    await redis.restart();
    proxy.restore();
    if (another) other.io.emit('number', 12);

    const gaps = (): unknown[] => behind.events.filter(({ name }) => name === 'gap');
    await waitFor(() => gaps().length > 0, { deadline: 15_000, what: 'the gap to be told of' });
    expect(gaps()).toEqual([expect.objectContaining({ missed: 10 })]);
    for (const node of [publisher, other]) {
      await waitFor(() => node.events.some(({ name }) => name === 'streamReset'), { what: 'the reset to be told of' });
    }
    // it goes on, and nothing that was told is told again
    publisher.io.emit('end');
    for (const client of clients) await client.next('end');
    expect(gaps()).toHaveLength(1);
    expect(clients[2]!.received('number')).toEqual(another ? [[0], [1], [12]] : [[0], [1]]);
  });

  it.each([
    ['numbered', 'ours'],
    ['not numbered, as those of the other adapter', 'peer'],
  ] as const)('are no reason to deliver again what was there before a node started: %s', async (_title, kind) => {
    const redis = await RedisServer.start();
    onTestFinished(() => redis.stop());
    const names = ownNames();
    const adapterOptions = { ...names, blockTimeInMs: 500, interop: kind === 'peer' };
    const options = { client: () => createClient({ url: redis.url }), adapterOptions };
    const [departed, other] = (await startNodes(options)) as [Node, Node];
    const witness = await other.connect();
    if (kind === 'ours') departed.io.emit('number', 0);
    else await addAsPeer(redis, names.streamName, 'number', 0);
    await witness.next('number');
    await departed.close();
    await addMoreThanIsLookedBackAt(redis, names.streamName);
    const [newcomer] = (await startNodes({ ...options, count: 1 })) as [Node];
    const client = await newcomer.connect();
    const newOnes = async (number: number): Promise<void> => {
      if (kind === 'ours') other.io.emit('number', number);
      else await addAsPeer(redis, names.streamName, 'number', number);
      await client.next('number', number);
    };
    await newOnes(1);
    await redis.command('SAVE');
    await newOnes(2);
    await redis.kill();
    await redis.restart();
    await waitFor(() => newcomer.events.some(({ name }) => name === 'streamReset'), {
      what: 'the reset to be told of',
    });
    other.io.emit('end');
    await client.next('end');

    expect(client.received('number')).toEqual([[1], [2]]);
  });
});

/** Adds a broadcast as the other adapter does, which numbers nothing. */
async function addAsPeer(redis: RedisServer, stream: string, ...data: unknown[]): Promise<void> {
  const broadcast = { opts: { rooms: [], except: [], flags: {} }, packet: { type: 2, data, nsp: '/' } };
  await redis.command('XADD', stream, '*', 'uid', 'peer', 'nsp', '/', 'type', '3', 'data', JSON.stringify(broadcast));
}

/** Adds so much for a namespace that nobody has that a node which starts after that sees nothing from before. */
async function addMoreThanIsLookedBackAt(redis: RedisServer, stream: string): Promise<void> {
  const filler = JSON.stringify('x'.repeat(120_000));
  for (let i = 0; i < 600; i++) {
    await redis.command('XADD', stream, '*', 'uid', 'filler', 'nsp', '/nobody', 'type', '3', 'data', filler);
  }
}
