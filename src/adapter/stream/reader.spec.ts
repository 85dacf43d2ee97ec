import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openConnection, useProxiedRedis } from '../../../test/harness/redis-connections.js';
import { waitFor } from '../../testing/wait-for.js';
import { AdapterClosedError } from '../errors.js';
import type { RedisConnection } from '../redis/driver.js';
import { noopTelemetry } from '../telemetry-port.js';
import { StreamReader } from './reader.js';
import { FIRST_POSITION } from './stream-id.js';

const own = useProxiedRedis();
let connection: RedisConnection;
let reader: StreamReader;
let stream: string;
/** What the reader has told, in order; of entries, their ids. */
let told: Array<[what: string, ...unknown[]]>;
/** Whether it was suspicious when entries came. */
let suspicions: boolean[];

beforeEach(async () => {
  stream = randomUUID();
  told = [];
  suspicions = [];
  connection = await openConnection(own.proxy.url, 'reader');
  reader = newReader();
});

afterEach(() => {
  reader.stop();
  connection.close();
});

function newReader(blockTimeInMs = 60_000, streams = [stream]): StreamReader {
  return new StreamReader(connection, { streams, readCount: 3, blockTimeInMs }, noopTelemetry, {
    onEntries: (from, entries) => {
      suspicions.push(reader.suspicious);
      for (const [id] of entries) {
        told.push(['entry', id.toString()]);
        reader.advance(from, id.toString());
      }
    },
    onGap: (_stream, from, to, missed) => told.push(['gap', from, to, missed]),
    onReset: (_stream, position, end) => told.push(['reset', position, end]),
    onInfo: () => undefined,
    onRefused: (command, reason) => told.push(['refused', command, reason]),
  });
}

async function add(from: number, to: number, name = stream): Promise<string> {
  let id = '';
  for (let n = from; n < to; n++) id = String(await own.redis.command('XADD', name, `${n}-0`, 'n', String(n)));
  return id;
}

function entries(from: number, to: number): Array<[string, string]> {
  return Array.from({ length: to - from }, (_, i) => ['entry', `${from + i}-0`]);
}

async function start(): Promise<void> {
  await reader.locate();
  reader.start();
}

function reached(id: string, name = stream): Promise<void> {
  return reader.reached(name, id, AbortSignal.timeout(20_000));
}

async function away(): Promise<void> {
  own.proxy.cut();
  await waitFor(() => connection.state !== 'ready');
}

describe('a reader', () => {
  it('hands on what comes after where the stream ended, in order', async () => {
    await add(1, 5);
    await start();
    expect(reader.position(stream)).toBe('4-0');
    await reached(await add(5, 25));
    expect(told).toEqual(entries(5, 25));
  });

  it('hands on everything of a stream that was not there yet', async () => {
    await start();
    expect(reader.position(stream)).toBe(FIRST_POSITION);
    await reached(await add(1, 4));
    expect(told).toEqual(entries(1, 4));
  });

  it('knows only its own streams', async () => {
    const other = randomUUID();
    reader = newReader(60_000, [stream, other]);
    await start();
    await reached(await add(1, 3, other), other);
    reader.advance('another', '9-0');
    expect([stream, other, 'another'].map((name) => reader.position(name))).toEqual([
      FIRST_POSITION,
      '2-0',
      FIRST_POSITION,
    ]);
  });

  it('goes on where it was after an outage, and counts what is gone meanwhile once', async () => {
    await start();
    await reached(await add(1, 4));
    await away();
    await add(4, 20);
    await own.redis.command('XTRIM', stream, 'MAXLEN', '5');
    own.proxy.restore();
    await reached('19-0');
    expect(told).toEqual([...entries(1, 4), ['gap', '3-0', '15-0', 11], ...entries(15, 20)]);
    reader.suspect();
    await reached(await add(20, 22));
    expect(told.slice(-2)).toEqual(entries(20, 22));
  });

  it('does not count anew what others have found to be gone', async () => {
    await start();
    await reached(await add(1, 4));
    await away();
    await add(4, 20);
    await own.redis.command('XTRIM', stream, 'MAXLEN', '5');
    reader.holed(stream);
    own.proxy.restore();
    await reached('19-0');
    expect(told).toEqual([...entries(1, 4), ...entries(15, 20)]);
  });

  it('begins anew with a stream that began anew behind its back, once somebody is suspicious', async () => {
    await start();
    await reached(await add(10, 13));
    await own.redis.command('DEL', stream);
    await add(1, 3);
    reader.suspect();
    expect(reader.suspicious).toBe(true);
    await waitFor(() => told.length === 6);
    expect(told).toEqual([...entries(10, 13), ['reset', '12-0', '2-0'], ...entries(1, 3)]);
    expect([reader.suspicious, reader.position(stream)]).toEqual([false, '2-0']);
  });

  it('looks by itself once a read that is not answered has lasted as long as it may', async () => {
    reader = newReader(50);
    await start();
    await reached(await add(10, 13));
    await own.redis.command('DEL', stream);
    await waitFor(() => told.length === 4);
    expect(told.at(-1)).toEqual(['reset', '12-0', FIRST_POSITION]);
  });

  it('finds nothing suspicious about what came when it is time to look', async () => {
    // which it is after each read
    reader = newReader(1);
    await start();
    for (let n = 1; n < 10; n++) {
      await add(n, n + 1);
      await waitFor(() => told.length === n);
    }
    expect(suspicions).toEqual(Array.from({ length: 9 }, () => false));
  });

  it('waits in vain when nothing has come for a while, but not while the connection is away', async () => {
    await start();
    expect(reader.waitsInVain(stream)).toBe(false);
    await waitFor(() => reader.waitsInVain(stream));
    await away();
    expect(reader.waitsInVain(stream)).toBe(false);
  });

  it.each([
    ['XREAD', '-xread', '+xread'],
    ['XINFO', '-xinfo', '+xinfo'],
  ])('tells why Redis refuses %s, and goes on once it does not', async (command, forbid, permit) => {
    reader = newReader(50);
    await start();
    await reached(await add(1, 4));
    await own.redis.command('ACL', 'SETUSER', 'default', forbid);
    try {
      await waitFor(() => told.length > 4);
    } finally {
      await own.redis.command('ACL', 'SETUSER', 'default', permit);
    }
    await reached(await add(4, 6));
    expect(told.filter(([what]) => what === 'entry')).toEqual(entries(1, 6));
    const reason = expect.stringMatching(/^NOPERM this user has no permissions/) as string;
    for (const refused of told.slice(3, 5)) expect(refused).toEqual(['refused', command, reason]);
  });

  it('takes a lost connection for no refusal', async () => {
    await start();
    await reached(await add(1, 4));
    await away();
    own.proxy.restore();
    await reached(await add(4, 6));
    expect(told).toEqual(entries(1, 6));
  });

  it('hands on nothing any more when it is stopped', async () => {
    await start();
    await reached(await add(1, 2));
    reader.stop();
    reader.suspect();
    expect(reader.suspicious).toBe(false);
    await add(2, 4);
    // what it was waiting for may still come
    connection.interrupt();
    await connection.whenReady();
    await add(4, 6);
    expect(told.length).toBeLessThanOrEqual(3);
    expect(told).not.toContainEqual(['entry', '5-0']);
  });
});

describe('who waits for an entry', () => {
  it('waits until it was handed on', async () => {
    await start();
    const waits = [reached('2-0'), reached('3-5'), reached('1-0')];
    await add(1, 4);
    await Promise.all([waits[0], waits[2]]);
    let passed = false;
    void waits[1]!.then(() => (passed = true));
    await reached('3-0');
    expect(passed).toBe(false);
    await add(4, 5);
    await waits[1];
    await reached('4-0');
  });

  it('gives up when it is told to, or when nothing will come any more', async () => {
    await start();
    const abort = new AbortController();
    const wait = reader.reached(stream, '1-0', abort.signal);
    abort.abort(new Error('enough'));
    await expect(wait).rejects.toThrow('enough');
    await reached(await add(1, 2));
    reader.stop();
    await reached('1-0');
    await expect(reached('2-0')).rejects.toThrow(AdapterClosedError);
  });
});
