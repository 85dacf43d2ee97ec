import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createEmitter } from '../../src/adapter/index.js';
import { RedisServer } from '../../src/testing/index.js';
import { clientFamilies } from './support/families.js';
import { ownNames, startNodes, type Node } from './support/nodes.js';

const MEBIBYTE = 1_048_576;

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start({ args: ['--proto-max-bulk-len', String(MEBIBYTE)] });
});

afterAll(() => redis.stop());

const families = clientFamilies(() => ({ host: redis.host, port: redis.port })).filter(({ name }) =>
  /^(redis 6, createClient\(\)|ioredis 5)/.test(name),
);

describe('a message that is larger than Redis takes', () => {
  it.each(families)('costs none of those before it and behind it ($name)', async (family) => {
    const client = async () => {
      const given = await family.create({ name: 'large' });
      onTestFinished(() => given.close());
      return given.client;
    };
    const adapterOptions = ownNames();
    const [near, far] = (await startNodes({ client, adapterOptions })) as [Node, Node];
    const listener = await far.connect();
    near.io.emit('said', 'before');
    near.io.emit('said', 'x'.repeat(2 * MEBIBYTE));
    near.io.emit('said', 'behind');
    expect(await listener.next('said', 2)).toEqual([['before'], ['behind']]);
    const dropped = near.events.filter(({ name }) => name === 'messageDropped');
    expect(dropped).toEqual([
      { name: 'messageDropped', reason: 'larger than Redis takes (ERR Protocol error: invalid bulk length)', count: 1 },
    ]);

    const emitter = createEmitter(await client(), adapterOptions);
    onTestFinished(() => emitter.close());
    const large = emitter.emit('said', 'x'.repeat(2 * MEBIBYTE));
    const small = emitter.emit('said', 'by the emitter');
    await expect(large).rejects.toMatchObject({ name: 'MessageTooLargeError' });
    await small;
    expect((await listener.next('said', 3)).at(-1)).toEqual(['by the emitter']);
  });
});
