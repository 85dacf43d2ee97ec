import { EventEmitter, once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { createClient, type RedisClientOptions } from 'redis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { poll } from '../../testing/poll.js';
import { RedisServer } from '../../testing/redis-server.js';
import { AdapterClosedError } from '../errors.js';
import { noopTelemetry, type ConnectionRole, type TelemetryPort } from '../telemetry-port.js';
import { createDriver } from './create-driver.js';
import { PartialTransactionError, reconnectDelay, type RedisConnection } from './driver.js';
import { watchConnection } from './watch-connection.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const settings = { useShardedPubSub: false, channelPrefix: 'channel', telemetry: noopTelemetry };

let redis: RedisServer;
const connections: RedisConnection[] = [];

beforeAll(async () => {
  redis = await RedisServer.start();
});

afterAll(() => redis.stop());

afterEach(() => {
  for (const connection of connections.splice(0)) connection.close();
});

function open(
  options: RedisClientOptions = {},
  useShardedPubSub = false,
  role: ConnectionRole = 'writer',
): RedisConnection {
  const client = createClient({ url: redis.url, ...options });
  const connection = createDriver(client, { ...settings, useShardedPubSub }).open(role);
  connections.push(connection);
  return connection;
}

async function opened(...args: Parameters<typeof open>): Promise<RedisConnection> {
  const connection = open(...args);
  await connection.whenReady();
  return connection;
}

function heard(connection: RedisConnection, event: 'ready' | 'lost'): { count: number } {
  const heardOf = { count: 0 };
  connection.on(event as 'ready', () => heardOf.count++);
  return heardOf;
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  if (!(await poll(condition, 20_000))) throw new Error(`Waited in vain for ${what}.`);
}

/** How many connections the server has, the one that asks not counted. */
async function clients(): Promise<number> {
  return (
    String(await redis.command('CLIENT', 'LIST', 'TYPE', 'normal'))
      .trim()
      .split('\n').length - 1
  );
}

describe('a connection', () => {
  it('becomes ready by itself, and says so', async () => {
    const connection = open({}, false, 'reader');
    const ready = heard(connection, 'ready');
    expect(connection).toMatchObject({ role: 'reader', state: 'connecting', lastError: undefined });
    await connection.whenReady();
    expect(connection.state).toBe('ready');
    expect(ready.count).toBe(1);
    expect(await connection.send(['PING'])).toBe('PONG');
  });

  it('sends nothing that waits: what is sent while it is not ready is refused at once', async () => {
    const connection = open();
    await expect(connection.send(['SET', 'early', '1'])).rejects.toThrow();
    await expect(connection.transaction([['SET', 'early', '1']])).rejects.toThrow();
    await connection.whenReady();
    expect(await connection.send(['GET', 'early'])).toBe(null);
  });

  it('gives the replies of RESP2, and Buffers where they are asked for, whatever the client given prefers', async () => {
    const connection = await opened({
      RESP: 3,
      clientSideCache: { ttl: 0, maxEntries: 10, evictPolicy: 'LRU' },
      disableOfflineQueue: false,
      commandsQueueMaxLength: 1,
      commandOptions: { timeout: 1 },
      socket: { host: redis.host, port: redis.port, socketTimeout: 150 },
    });
    await connection.send(['DEL', 'replies']);
    await connection.send(['XADD', 'replies', '1-1', 'field', 'value']);
    const read = ['XREAD', 'STREAMS', 'replies', '0'];
    expect(await connection.send(read)).toEqual([['replies', [['1-1', ['field', 'value']]]]]);
    expect(await connection.sendForBuffers(read)).toEqual([
      [Buffer.from('replies'), [[Buffer.from('1-1'), [Buffer.from('field'), Buffer.from('value')]]]],
    ]);
    const lost = heard(connection, 'lost');
    const blocked = connection.send(['XREAD', 'BLOCK', '400', 'STREAMS', 'replies', '$']);
    expect(await blocked).toBe(null);
    expect(lost.count).toBe(0);
  });

  it('sends many commands at once also where the client given would queue one', async () => {
    const connection = await opened({ commandsQueueMaxLength: 1 });
    const replies = await Promise.all(Array.from({ length: 100 }, () => connection.send(['PING'])));
    expect(new Set(replies)).toEqual(new Set(['PONG']));
  });

  it('does the commands of a transaction next to each other', async () => {
    const [one, other] = [await opened(), await opened()];
    await one.send(['DEL', 'list']);
    const push = (text: string): string[][] => Array.from({ length: 50 }, () => ['RPUSH', 'list', text]);
    const replies = await Promise.all([one.transaction(push('a')), other.transaction(push('b'))]);
    expect(replies.map(({ length }) => length)).toEqual([50, 50]);
    const list = (await one.send(['LRANGE', 'list', '0', '-1'])) as string[];
    expect(list.join('')).toMatch(/^(a{50}b{50}|b{50}a{50})$/);
  });

  it('does none of the commands of a transaction when Redis refuses one of them', async () => {
    const connection = await opened();
    await connection.send(['DEL', 'counter']);
    await expect(connection.transaction([['INCR', 'counter'], ['INCR']])).rejects.toThrow(/wrong number of arguments/);
    expect(await connection.send(['GET', 'counter'])).toBe(null);
    expect(await connection.send(['PING'])).toBe('PONG');
  });

  it('tells of a transaction in which a command failed', async () => {
    const connection = await opened();
    await connection.send(['SET', 'text', 'x']);
    const failing = connection.transaction([['PING'], ['INCR', 'text']]);
    await expect(failing).rejects.toThrow(PartialTransactionError);
    await expect(failing).rejects.toThrow(/not an integer/);
  });

  it('tries again when it is not answered, also when memory is collected meanwhile', async () => {
    const accepted: Socket[] = [];
    const silent = createServer((socket) => accepted.push(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const collecting = setInterval(collectGarbage, 500);
    onTestFinished(() => {
      clearInterval(collecting);
      silent.close();
      for (const socket of accepted) socket.destroy();
    });
    const connection = open({ url: `redis://127.0.0.1:${(silent.address() as AddressInfo).port}` });
    expect(await poll(() => accepted.length > 1, 40_000)).toBe(true);
    expect(connection.lastError?.message).toMatch(/within 10000 ms|timeout/i);
  });

  it('waits for readiness no longer than it is told to', async () => {
    const connection = open({ url: 'redis://127.0.0.1:1' });
    await expect(connection.whenReady(AbortSignal.timeout(30))).rejects.toThrow(/timeout|aborted/i);
    await expect(connection.whenReady(AbortSignal.abort(new Error('no patience')))).rejects.toThrow('no patience');
    await until('an error of the attempt to connect', () => connection.lastError !== undefined);
    expect(connection.lastError!.message).toMatch(/ECONNREFUSED/);
    expect(connection.state).toBe('connecting');
  });

  it('is made anew when it is interrupted, and rejects what it was blocked by', async () => {
    const connection = await opened();
    const [ready, lost] = [heard(connection, 'ready'), heard(connection, 'lost')];
    const before = await connection.send(['CLIENT', 'ID']);
    const blocked = connection.send(['XREAD', 'BLOCK', '0', 'STREAMS', 'nothing', '$']);
    connection.interrupt();
    expect(connection.state).toBe('reconnecting');
    await expect(blocked).rejects.toThrow();
    await connection.whenReady();
    expect(await connection.send(['CLIENT', 'ID'])).not.toBe(before);
    expect([ready.count, lost.count]).toEqual([1, 1]);
  });

  it('closes for good', async () => {
    const before = await clients();
    const connection = await opened();
    const lost = heard(connection, 'lost');
    const blocked = connection.send(['XREAD', 'BLOCK', '0', 'STREAMS', 'nothing', '$']);
    connection.close();
    connection.close();
    connection.interrupt();
    expect(connection.state).toBe('closed');
    await expect(blocked).rejects.toThrow();
    await expect(connection.send(['PING'])).rejects.toThrow();
    await expect(connection.whenReady()).rejects.toThrow(AdapterClosedError);
    await until('the connection to be gone', async () => (await clients()) === before);
    expect(lost.count).toBe(0);
  });

  it('rejects those who wait for it when it is closed', async () => {
    const connection = open({ url: 'redis://127.0.0.1:1' });
    const waiting = connection.whenReady();
    connection.close();
    await expect(waiting).rejects.toThrow(AdapterClosedError);
  });

  it('leaves the client given alone', async () => {
    const client = createClient({ url: redis.url });
    const connection = createDriver(client, settings).open('writer');
    connections.push(connection);
    await connection.whenReady();
    expect(client.isOpen).toBe(false);
    await client.connect();
    connection.close();
    expect(await client.ping()).toBe('PONG');
    client.destroy();
  });
});

describe.each([
  ['PUB/SUB', false],
  ['sharded PUB/SUB', true],
])('subscriptions (%s)', (_title, sharded) => {
  let subscriber: RedisConnection;
  let publisher: RedisConnection;
  let received: string[];
  const listener = (payload: Buffer): void => void received.push(payload.toString('latin1'));

  beforeEach(async () => {
    received = [];
    subscriber = await opened({}, sharded, 'subscriber');
    publisher = await opened();
  });

  async function publish(text: string): Promise<number> {
    return Number(await publisher.send([sharded ? 'SPUBLISH' : 'PUBLISH', 'channel', Buffer.from(text, 'latin1')]));
  }

  /** What is published next is the last thing that can come. */
  async function everything(): Promise<string[]> {
    await publish('end');
    await until('the last message', () => received.includes('end'));
    return received;
  }

  it('bring the bytes of each message, once confirmed', async () => {
    await subscriber.subscribe('channel', listener);
    expect(await publish('\x00\xff')).toBe(1);
    expect(await everything()).toEqual(['\x00\xff', 'end']);
  });

  it('are one, however often they are asked for', async () => {
    await Promise.all([
      subscriber.subscribe('channel', listener),
      subscriber.subscribe('channel', (payload) => listener(payload)),
    ]);
    await subscriber.subscribe('channel', (payload) => listener(payload));
    await publish('once');
    expect(await everything()).toEqual(['once', 'end']);
  });

  it('outlive a lost connection, and are there again when it is ready', async () => {
    await subscriber.subscribe('channel', listener);
    const lost = heard(subscriber, 'lost');
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until('the loss', () => lost.count === 1);
    await subscriber.whenReady();
    expect(await publish('after')).toBe(1);
    expect(await everything()).toEqual(['after', 'end']);
  });

  it('outlive an interruption', async () => {
    await subscriber.subscribe('channel', listener);
    subscriber.interrupt();
    await subscriber.whenReady();
    expect(await publish('after')).toBe(1);
    expect(await everything()).toEqual(['after', 'end']);
  });

  it('can be asked for before the connection is there', async () => {
    const early = open({}, sharded, 'subscriber');
    await early.subscribe('channel', listener);
    expect(await publish('first')).toBe(1);
    expect(await everything()).toEqual(['first', 'end']);
  });

  it('end, also where the connection is lost later', async () => {
    await subscriber.subscribe('channel', listener);
    await subscriber.unsubscribe('channel');
    expect(await publish('nobody')).toBe(0);
    await subscriber.subscribe('other', () => undefined);
    const lost = heard(subscriber, 'lost');
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until('the loss', () => lost.count === 1);
    await subscriber.whenReady();
    expect(await publish('nobody')).toBe(0);
  });

  it('end that are given up while the connection is away', async () => {
    await subscriber.subscribe('channel', listener);
    subscriber.interrupt();
    await subscriber.unsubscribe('channel');
    await subscriber.whenReady();
    expect(await publish('nobody')).toBe(0);
  });

  it('end that are given up while a connection which was lost comes back', async () => {
    await subscriber.subscribe('channel', listener);
    const lost = heard(subscriber, 'lost');
    subscriber.on('lost', () => void subscriber.unsubscribe('channel'));
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until('the loss', () => lost.count === 1);
    await subscriber.whenReady();
    expect(await publish('nobody')).toBe(0);
  });
});

describe('a connection whose server is away', () => {
  it('comes back with the server, however often it goes', async () => {
    const server = await RedisServer.start();
    try {
      const connection = open({ url: server.url });
      await connection.whenReady();
      const [ready, lost] = [heard(connection, 'ready'), heard(connection, 'lost')];
      for (const outage of [1, 2]) {
        await server.kill();
        await until('the loss', () => lost.count === outage);
        expect(connection.state).toBe('reconnecting');
        await expect(connection.send(['PING'])).rejects.toThrow();
        await delay(100);
        await server.restart();
        await connection.whenReady(AbortSignal.timeout(10_000));
        expect(await connection.send(['PING'])).toBe('PONG');
        expect([ready.count, lost.count]).toEqual([outage, outage]);
      }
    } finally {
      await server.stop();
    }
  });
});

describe('what is told of an outage', () => {
  it('ends with it, or else with the connection', async () => {
    const outages: unknown[] = [];
    const telemetry: TelemetryPort = {
      ...noopTelemetry,
      reconnect: () => ({ end: (error) => void outages.push(error) }),
    };
    const server = await RedisServer.start();
    try {
      const connection = open({ url: server.url });
      watchConnection(connection, new EventEmitter(), telemetry);
      await connection.whenReady();
      await server.kill();
      await until('the loss', () => connection.state === 'reconnecting');
      await server.restart();
      await until('the end of the outage', () => outages.length === 1);
      await server.kill();
      await until('the second loss', () => connection.state === 'reconnecting');
      connection.close();
      await until('the end of the connection', () => outages.length === 2);
      expect(outages).toEqual([undefined, expect.any(AdapterClosedError)]);
    } finally {
      await server.stop();
    }
  });
});

describe('the delay before the next attempt', () => {
  it('grows, and stays between 25 and 2,000 ms', () => {
    fc.assert(
      fc.property(fc.nat(1_000), (failures) => {
        const ms = reconnectDelay(failures);
        const ceiling = Math.min(2_000, 50 * 2 ** Math.min(failures, 20));
        expect(ms).toBeGreaterThanOrEqual(ceiling / 2);
        expect(ms).toBeLessThanOrEqual(ceiling);
      }),
    );
  });
});
