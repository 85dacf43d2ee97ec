import { MessageType } from 'socket.io-adapter';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openConnection } from '../../../test/harness/redis-connections.js';
import { RedisServer } from '../../testing/redis-server.js';
import type { RedisConnection } from '../redis/driver.js';
import type { RawEntry } from '../stream/reader.js';
import type { Letterhead } from './carrier.js';
import { StreamCarrier } from './stream-carrier.js';

const options = { channelPrefix: 'test', heartbeatTimeout: 10_000, requestTimeout: 5_000 };

let redis: RedisServer;
let connection: RedisConnection;
let carrier: StreamCarrier;

beforeAll(async () => {
  redis = await RedisServer.start();
  connection = await openConnection(redis.url);
});

afterAll(async () => {
  connection.close();
  await redis.stop();
});

beforeEach(() => {
  carrier = new StreamCarrier(connection, options);
});

afterEach(() => redis.command('DEL', carrier.name));

const write = (uid: string, type: number = MessageType.HEARTBEAT): Buffer => Buffer.from(JSON.stringify({ uid, type }));
const read = (payload: Buffer): Letterhead | undefined => {
  try {
    return JSON.parse(payload.toString()) as Letterhead;
  } catch {
    return undefined;
  }
};

/** Entries as a reader hands them on. */
function entries(...list: Array<[id: string, channel: string, payload: string]>): RawEntry[] {
  return list.map(([id, ...values]) => {
    const fields = ['channel', values[0], 'payload', values[1]];
    return [Buffer.from(id), fields.map((field) => Buffer.from(field))];
  });
}

function hear(...channels: string[]): string[] {
  const heard: string[] = [];
  for (const channel of channels)
    void carrier.subscribe(channel, (payload) => heard.push(`${channel}: ${String(payload)}`));
  return heard;
}

describe('a stream in the place of channels', () => {
  it('tells a newcomer how many others are about: who was heard of lately, and has not left', async () => {
    const [seconds] = (await redis.command('TIME')) as [string];
    const now = Number(seconds) * 1_000;
    const old = ['XADD', carrier.name, `${now - 11_000}-0`, 'channel', 'all', 'payload', write('dead').toString()];
    await redis.command(...old);
    await redis.command('XADD', carrier.name, `${now - 10_500}-0`, 'something', 'else');
    for (const uid of ['a', 'b', 'a', 'left', 'self']) await carrier.publish('all', write(uid));
    await carrier.publish('all', write('left', MessageType.ADAPTER_CLOSE));
    await carrier.publish('all', write('left'));
    await carrier.publish('all', Buffer.from('malformed'));
    await carrier.publish('self', write('answers only'));
    await redis.command('XADD', carrier.name, '*', 'something', 'else');

    expect(await carrier.announce('all', write('self'), read)).toBe(2);
  });

  it('looks for them in more than the last few entries', async () => {
    await carrier.publish('all', write('a'));
    await Promise.all(Array.from({ length: 1_200 }, () => carrier.publish('self', write('b'))));
    expect(await carrier.announce('all', write('self'), read)).toBe(1);
  });

  it('brings each message to whom it is for', async () => {
    const heard = hear('all', 'self');
    carrier.onEntries(entries(['1-0', 'all', 'a'], ['2-0', 'other', 'b'], ['3-0', 'self', 'c']));
    carrier.onEntries([[Buffer.from('4-0'), [Buffer.from('something'), Buffer.from('else')]]]);
    await carrier.unsubscribe('self');
    carrier.onEntries(entries(['5-0', 'self', 'd'], ['6-0', 'all', 'e']));
    expect(heard).toEqual(['all: a', 'self: c', 'all: e']);
  });

  it('brings nothing again that an older state of Redis still holds', () => {
    const heard = hear('all');
    carrier.onReset('5-0', '7-0', true);
    carrier.onEntries(entries(['4-0', 'all', 'a'], ['5-0', 'all', 'b'], ['6-0', 'all', 'c']));
    carrier.onReset('7-0', '5-0', true);
    carrier.onEntries(entries(['4-0', 'all', 'a'], ['5-0', 'all', 'b'], ['8-0', 'all', 'd']));
    expect(heard).toEqual(['all: c', 'all: d']);
  });

  it('takes what a stream holds that began anew with ids that were there before', () => {
    const heard = hear('all');
    carrier.onReset('5-0', '2-0', false);
    carrier.onEntries(entries(['1-0', 'all', 'a'], ['6-0', 'all', 'b']));
    expect(heard).toEqual(['all: a', 'all: b']);
  });
});
