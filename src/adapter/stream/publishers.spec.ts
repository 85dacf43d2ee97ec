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

/** When an entry is added that is not told when; no other is. */
const NOON = 1_700_000_000_000;

/** Adds entries of so many messages each, the first of which is added at a time, and the others so long after each other. Returns the id of the last. */
async function add(
  publisher: string,
  entries: number,
  { messages = 1, at = NOON, every = 0 }: { messages?: number; at?: number; every?: number } = {},
): Promise<string> {
  const message = encodeBroadcast(['event'], { rooms: [], except: [], flags: {} }, undefined, false);
  const commands = Array.from({ length: entries }, (_, n) => {
    const command = ['XADD', stream, `${at + n * every}-*`];
    const group = Array.from({ length: messages }, () => ({ ...message, namespace: '/', carrier: undefined }));
    pushEntry(command, { uid: publisher, publisher, seq: n * messages + 1 }, group);
    return command;
  });
  return (await connection.transaction(commands)).at(-1) as string;
}

async function before(position: string): Promise<Record<string, number>> {
  return Object.fromEntries(await publishersBefore(connection, stream, position));
}

it('knows who has published before a position, over several pages, the last at the end', async () => {
  await add('early', 1);
  const end = await add('late', 350);
  const publishers = await publishersBefore(connection, stream, end);
  expect([...publishers]).toEqual([
    ['early', 1],
    ['late', 350],
  ]);
});

it('knows the last message of a publisher that was about to repeat some', async () => {
  await add('one', 20);
  const end = await add('one', 10);
  expect(await before(end)).toEqual({ one: 20 });
});

it('looks back for as long as a repetition may be under way, however many messages that are', async () => {
  await add('early', 1);
  await add('within', 1, { at: NOON + 11_000 });
  const end = await add('late', 4_000, { at: NOON + 11_000, every: 10 });
  // 0 to 11 s before the position are 1,100 messages
  expect(await before(`${NOON + 22_000}-0`)).toEqual({ early: 1, within: 1, late: 1_101 });
  expect(await before(end)).toEqual({ late: 4_000 });
});

it('looks back over the time in which nothing was published, as while Redis was away', async () => {
  await add('before', 600);
  const end = await add('after', 600, { at: NOON + 3_600_000 });
  expect(await before(end)).toEqual({ before: 600, after: 600 });
});

it('looks back by messages where few are published, and not far in entries that hold many', async () => {
  await add('early', 1);
  const end = await add('late', 450, { every: 60_000 });
  expect(await before(end)).toEqual({ early: 1, late: 450 });
  await add('many', 150, { messages: 5, at: NOON + 86_400_000, every: 60_000 });
  expect(await before(`${NOON + 2 * 86_400_000}-0`)).toEqual({ many: 750 });
});

it('looks back no further than on twenty thousand messages, however few seconds they are', async () => {
  await add('early', 1);
  const end = await add('late', 250, { messages: 100 });
  expect(await before(end)).toEqual({ late: 25_000 });
});

it('takes nothing for read of an entry in the middle of which the position is', async () => {
  const end = await add('one', 2, { messages: 3 });
  expect(await before(`${end}.0`)).toEqual({ one: 3 });
});

it('knows nobody where there is no stream', async () => {
  expect(await before('5-0')).toEqual({});
});
