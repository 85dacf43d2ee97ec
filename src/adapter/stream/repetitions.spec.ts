import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openConnection, useProxiedRedis } from '../../../test/harness/redis-connections.js';
import { waitFor } from '../../testing/wait-for.js';
import type { RedisConnection } from '../redis/driver.js';
import { encodeBroadcast } from '../wire/entry-codec.js';
import { pushEntry, readEntry } from '../wire/entry.js';
import type { RawEntry } from './reader.js';
import { Repetitions } from './repetitions.js';

const NOON = 1_700_000_000_000;

const own = useProxiedRedis();
let connection: RedisConnection;
let stream: string;

beforeEach(async () => {
  connection = await openConnection(own.proxy.url);
  stream = randomUUID();
});

afterEach(() => connection.close());

/** Adds an entry of one publisher, with messages of these numbers, that long after noon. Returns its id. */
async function add(ms: number, first: number, last = first, publisher = 'node'): Promise<string> {
  const message = encodeBroadcast(['event'], { rooms: [], except: [], flags: {} }, undefined, false);
  const messages = Array.from({ length: last - first + 1 }, () => ({ ...message, namespace: '/', carrier: undefined }));
  const command = ['XADD', stream, `${NOON + ms}-*`];
  pushEntry(command, { uid: publisher, publisher, seq: first }, messages);
  return (await connection.send(command)) as string;
}

/** Of a node whose time began at `from`. */
function node(from: string): Repetitions {
  return new Repetitions(connection, stream, from);
}

/** The entries behind `position`, without those that are repetitions. */
async function fresh(repetitions: Repetitions, position: string): Promise<string[]> {
  const isRepetition = await repetitions.since(position, AbortSignal.timeout(10_000));
  const entries = (await connection.sendForBuffers(['XRANGE', stream, `(${position}`, '+'])) as RawEntry[];
  return entries
    .map(([id, fields]) => readEntry(stream, id.toString(), fields)!)
    .filter((entry) => !isRepetition(entry))
    .map(({ id }) => id);
}

/** Times that Redis was asked for entries since it started. */
async function reads(): Promise<number> {
  const stats = String(await own.redis.command('INFO', 'commandstats'));
  const calls = (name: string): number => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  return calls('xrange') + calls('xrevrange');
}

describe('the repetitions of a stream', () => {
  it('are those that the node has come upon, where all of it was in its time: nothing is read for that', async () => {
    const ids = [await add(0, 1), await add(1, 2), await add(2, 2), await add(3, 3)];
    const repetitions = node(ids[0]!);
    repetitions.add(ids[2]!);
    const before = await reads();
    expect(await fresh(repetitions, ids[0]!)).toEqual([ids[1], ids[3]]);
    expect((await reads()) - before).toBe(1);
  });

  it('are told by the stream from before the time of the node, wherever the first copy is', async () => {
    await add(0, 1);
    const position = await add(1_234, 2, 5);
    const other = await add(1_235, 1, 1, 'other');
    const [again, next] = [await add(1_236, 2, 5), await add(1_237, 6)];
    await add(1_238, 6);
    expect(await fresh(node(again), position)).toEqual([other, next]);
    // the second copy is the first that is read
    expect(await fresh(node(again), other)).toEqual([next]);
  });

  it('are none of the entry in the middle of which the place is', async () => {
    const id = await add(500, 1, 3);
    const isRepetition = await node(`${NOON + 1_000}-0`).since(`${id}.0`, AbortSignal.timeout(10_000));
    const [[, fields]] = (await connection.sendForBuffers(['XRANGE', stream, id, id])) as [RawEntry];
    expect(isRepetition(readEntry(stream, id, fields)!)).toBe(false);
    expect(isRepetition(readEntry(stream, id, fields)!)).toBe(true);
  });

  it('are looked up once for all clients that left at about the same time', async () => {
    for (let seq = 1; seq <= 900; seq++) await add(seq, seq);
    const repetitions = node(await add(1_000, 901));
    const before = await reads();
    await Promise.all(
      Array.from({ length: 100 }, (_, i) => repetitions.since(`${NOON + i}-0`, AbortSignal.timeout(10_000))),
    );
    // one page for each, and the look back; nothing was published before that second
    expect((await reads()) - before).toBe(101);
  });

  it('are looked up again when Redis was lost meanwhile, and only as long as somebody waits', async () => {
    const position = await add(0, 1);
    const again = await add(1, 1);
    own.proxy.cut();
    await waitFor(() => connection.state !== 'ready');
    const repetitions = node(`${NOON + 1_000}-0`);
    await expect(repetitions.since(position, AbortSignal.timeout(10_000))).rejects.toThrow(/connection/i);
    own.proxy.restore();
    await connection.whenReady();
    expect(await fresh(repetitions, position)).toEqual([]);
    await expect(repetitions.since(again, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  });

  it('are not those of a stream that is read once more because it began anew', async () => {
    const [first, second] = [await add(0, 1), await add(1, 2)];
    const repetitions = node(first);
    repetitions.restart(second);
    for (const id of [first, second]) repetitions.add(id);
    const again = await add(2, 2);
    repetitions.add(again);
    expect(await fresh(repetitions, second)).toEqual([]);
    expect(await fresh(repetitions, '0-0')).toEqual([first, second]);
  });

  it('are told by the stream where there were more than the node remembers', async () => {
    const first = await add(0, 1);
    const repetitions = node(first);
    const again = await add(1, 1);
    repetitions.add(again);
    for (let i = 0; i < 10_000; i++) repetitions.add(`${NOON + 2}-${i}`);
    const before = await reads();
    expect(await fresh(repetitions, first)).toEqual([]);
    // this one, the look back, and the entries of that second
    expect((await reads()) - before).toBe(3);
  });
});
