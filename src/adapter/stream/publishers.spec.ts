import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { openConnection } from '../../../test/harness/redis-connections.js';
import { RedisServer } from '../../testing/redis-server.js';
import type { RedisConnection } from '../redis/driver.js';
import { pushEntry } from '../wire/entry.js';
import { encodeBroadcast } from '../wire/entry-codec.js';
import { publishersBefore } from './publishers.js';

let redis: RedisServer;
let connection: RedisConnection;
let stream: string;

beforeAll(async () => {
  redis = await RedisServer.start();
  connection = await openConnection(redis.url);
});

afterAll(async () => {
  connection.close();
  await redis.stop();
});

beforeEach(() => {
  stream = randomUUID();
});

/** Adds entries of so many messages each, and returns the id of the last one. */
async function add(publisher: string, entries: number, messages = 1): Promise<string> {
  const message = encodeBroadcast(['event'], { rooms: [], except: [], flags: {} }, undefined, false);
  const commands = Array.from({ length: entries }, (_, n) => {
    const command = ['XADD', stream, '*'];
    const group = Array.from({ length: messages }, () => ({ ...message, namespace: '/', carrier: undefined }));
    pushEntry(command, { uid: publisher, publisher, seq: n * messages + 1 }, group);
    return command;
  });
  return (await connection.transaction(commands)).at(-1) as string;
}

it('knows who has published before a position, over several pages', async () => {
  await add('early', 1);
  const end = await add('late', 350);
  const publishers = await publishersBefore(connection, stream, end);
  expect([publishers.last('early'), publishers.last('late')]).toEqual([1, 350]);
});

it('looks back by messages: not far in entries that hold many', async () => {
  await add('early', 1);
  const end = await add('late', 150, 5);
  const publishers = await publishersBefore(connection, stream, end);
  expect([publishers.last('early'), publishers.last('late')]).toEqual([0, 750]);
});

it('takes nothing for read of an entry in the middle of which the position is', async () => {
  const end = await add('one', 2, 3);
  const publishers = await publishersBefore(connection, stream, `${end}.0`);
  expect(publishers.last('one')).toBe(3);
});

it('knows nobody where there is no stream', async () => {
  const publishers = await publishersBefore(connection, stream, '5-0');
  expect(publishers.last('one')).toBe(0);
});
