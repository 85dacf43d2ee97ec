import { Redis } from 'ioredis';
import { createClient, createClientPool } from 'redis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { RedisClient } from '../../src/adapter/redis/create-driver.js';
import { RedisServer } from '../../src/testing/index.js';
import { ownNames, startNodes } from './support/nodes.js';

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
});

afterAll(() => redis.stop());

async function pool(database: number): Promise<RedisClient> {
  const clients = createClientPool({ url: redis.url, database });
  onTestFinished(() => clients.destroy());
  await clients.connect();
  return clients;
}

const FAMILIES: Array<[string, (database: number) => Promise<RedisClient> | RedisClient]> = [
  ['redis, createClient()', (database) => createClient({ url: redis.url, database })],
  ['redis, createClientPool()', pool],
  ['ioredis, Redis', (db) => new Redis(redis.port, { db, lazyConnect: true })],
];

describe.each(FAMILIES)('two databases of one Redis (%s)', (_family, client) => {
  it('are two clusters where the prefixes differ, and else the second is told why not', async () => {
    const adapterOptions = ownNames();
    const [first] = await startNodes({ client: () => client(0), count: 1, adapterOptions });
    await expect(startNodes({ client: () => client(1), count: 1, adapterOptions })).rejects.toMatchObject({
      name: 'InvalidOptionError',
      option: 'client',
      message: expect.stringMatching(
        /^The Redis client has the database 1, but that of node \w+ has 0: .* `keyPrefix` of its own\.$/,
      ) as string,
    });
    const [second] = await startNodes({
      client: () => client(1),
      count: 1,
      adapterOptions: { ...adapterOptions, keyPrefix: 'two:' },
    });

    for (const { io } of [first!, second!]) expect(await io.of('/').adapter.serverCount()).toBe(1);
    // nobody of the other application is asked
    expect(await Promise.all([first!, second!].map(({ io }) => io.fetchSockets()))).toEqual([[], []]);
  });
});
