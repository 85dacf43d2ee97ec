import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { MessageType } from 'socket.io-adapter';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openConnection } from '../../../test/harness/redis-connections.js';
import { RedisServer } from '../../testing/redis-server.js';
import { waitFor } from '../../testing/wait-for.js';
import type { RedisConnection } from '../redis/driver.js';
import { pushEntry } from '../wire/entry.js';
import { positionAt } from '../stream/stream-id.js';
import { encodeBroadcast, encodeMessage } from '../wire/entry-codec.js';
import type { EncodedMessage, WireFlags } from '../wire/message.js';
import { concerns, olderMessages, TooManyEntriesError, type OlderMessages } from './missed-packets.js';

let redis: RedisServer;
let connection: RedisConnection;
let stream: string;
let seq: number;

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
  seq = 0;
});

interface Broadcast {
  n: number;
  rooms?: string[];
  except?: string[];
  flags?: WireFlags;
  namespace?: string;
  requestId?: string;
}

function broadcast({ n, rooms = [], except = [], flags = {}, requestId }: Broadcast): EncodedMessage {
  return encodeBroadcast(['event', n], { rooms, except, flags }, requestId, false);
}

function command(message: EncodedMessage, one: { namespace?: string }): string[] {
  const fields: string[] = [];
  const from = { uid: 'node', publisher: 'node', seq: ++seq };
  pushEntry(fields, from, [{ ...message, namespace: one.namespace ?? '/', carrier: undefined }]);
  return ['XADD', stream, '*', ...fields];
}

/** Adds entries, and returns their ids. */
async function add(...broadcasts: Broadcast[]): Promise<string[]> {
  return (await connection.transaction(broadcasts.map((one) => command(broadcast(one), one)))) as string[];
}

/** Adds one entry that holds several messages, and returns the positions behind them. */
async function addTogether(broadcasts: readonly Broadcast[]): Promise<string[]> {
  const fields: string[] = [];
  const messages = broadcasts.map((one) => ({ ...broadcast(one), namespace: '/', carrier: undefined }));
  pushEntry(fields, { uid: 'node', publisher: 'node', seq: seq + 1 }, messages);
  seq += broadcasts.length;
  const id = (await connection.send(['XADD', stream, '*', ...fields])) as string;
  return broadcasts.map((_, index) => positionAt(id, index, broadcasts.length));
}

function numbered(first: number, count: number): Broadcast[] {
  return Array.from({ length: count }, (_, i) => ({ n: first + i }));
}

/** What a client in room `a` missed in the namespace `/`. */
function missedSince(
  from: string,
  until: string,
  { most = 10_000, signal = AbortSignal.timeout(10_000), repetitions = [] }: Partial<Look> = {},
): Promise<OlderMessages> {
  const isRepetition = ({ id }: { id: string }): boolean => repetitions.includes(id);
  const absence = { stream, namespace: '/', from, rooms: ['sid', 'a'] };
  return olderMessages(connection, absence, until, { isRepetition, most, signal });
}

interface Look {
  most: number;
  signal: AbortSignal;
  /** Entries that are in the stream for the second time. */
  repetitions: string[];
}

function numbers(missed: OlderMessages): unknown {
  return missed.trimmed ? 'trimmed' : missed.messages.map(({ payload }) => payload.args[1]);
}

describe('what a client missed', () => {
  it('is what is for its rooms, in order, each with its place in the stream', async () => {
    const roomName = fc.constantFrom('a', 'b', 'sid');
    const any = fc.record<Omit<Broadcast, 'n'>>(
      {
        rooms: fc.uniqueArray(roomName),
        except: fc.uniqueArray(roomName, { maxLength: 1 }),
        flags: fc.constantFrom({}, { volatile: true }, { compress: false }, { ackId: 3 }),
        namespace: fc.constantFrom('/', '/', '/other'),
        requestId: fc.constantFrom('r1', undefined as never, undefined as never),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(any, { minLength: 1, maxLength: 20 }), async (list) => {
        stream = randomUUID();
        const [from] = await add({ n: -1 });
        const broadcasts = list.map((one, n) => ({ ...one, n }));
        const ids = await add(...broadcasts);
        const missed = await missedSince(from!, ids.at(-1)!);
        const expected = broadcasts.filter(
          ({ rooms = [], except = [], flags = {}, namespace = '/', requestId }) =>
            namespace === '/' &&
            requestId === undefined &&
            !('volatile' in flags || 'ackId' in flags) &&
            (rooms.length === 0 || rooms.includes('a') || rooms.includes('sid')) &&
            !except.includes('a') &&
            !except.includes('sid'),
        );
        expect(missed).toMatchObject({ trimmed: false, scanned: list.length });
        expect(
          missed.trimmed
            ? []
            : missed.messages.map(({ id, payload, compress }) => ({ id, args: payload.args, compress })),
        ).toEqual(expected.map(({ n, flags }) => ({ id: ids[n], args: ['event', n], compress: flags?.compress })));
      }),
      { numRuns: 60 },
    );
  });

  it('begins and ends where it should, in the middle of an entry of several messages, too', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (entries, first, second) => {
        stream = randomUUID();
        seq = 0;
        const ids: string[] = [];
        for (const size of entries) ids.push(...(await addTogether(numbered(ids.length, size))));
        const [from, until] = [first % ids.length, second % ids.length].toSorted((a, b) => a - b) as [number, number];
        const missed = await missedSince(ids[from]!, ids[until]!);
        expect(numbers(missed)).toEqual(ids.map((_, n) => n).slice(from + 1, until + 1));
        if (!missed.trimmed) expect(missed.messages.map(({ id }) => id)).toEqual(ids.slice(from + 1, until + 1));
      }),
      { numRuns: 100 },
    );
  });

  it('is not known where the entry in the middle of which it begins was trimmed away', async () => {
    const [, from] = await addTogether(numbered(0, 5));
    const [until] = await add({ n: 5 });
    expect(numbers(await missedSince(from!, until!))).toEqual([2, 3, 4, 5]);
    await connection.send(['XTRIM', stream, 'MAXLEN', '1']);
    expect(numbers(await missedSince(from!, until!))).toBe('trimmed');
  });

  it.each([1, 199, 200, 201, 400, 1_234])('is read in pages: %d entries', async (count) => {
    const [from] = await add({ n: -1 });
    const ids = await add(...numbered(0, count));
    await add({ n: -2 });
    expect(numbers(await missedSince(from!, ids.at(-1)!))).toEqual([...Array(count).keys()]);
  });

  it('is nothing that is in the stream for the second time', async () => {
    const [from] = await add({ n: 0 });
    const ids = await add(...numbered(1, 5));
    const repetitions = [ids[0]!, ids[3]!];
    expect(numbers(await missedSince(from!, ids.at(-1)!, { repetitions }))).toEqual([2, 3, 5]);
  });

  it('is no other message, and nothing that cannot be read', async () => {
    const [from] = await add({ n: 0 });
    const join = encodeMessage({
      type: MessageType.SOCKETS_JOIN,
      data: { opts: { rooms: [], except: [], flags: {} }, rooms: ['a'] },
    });
    await connection.send(command(join, {}));
    await connection.send(['XADD', stream, '*', 'field', 'value']);
    await connection.send(['XADD', stream, '*', 'uid', 'x', 'nsp', '/', 'type', '3', 'data', '{"opts":']);
    const [until] = await add({ n: 1 });
    expect(numbers(await missedSince(from!, until!))).toEqual([1]);
  });

  it('goes from the beginning where there was no stream yet', async () => {
    const ids = await add(...numbered(0, 3));
    expect(numbers(await missedSince('0-0', ids.at(-1)!))).toEqual([0, 1, 2]);
    await connection.send(['XTRIM', stream, 'MAXLEN', '2']);
    expect(numbers(await missedSince('0-0', ids.at(-1)!))).toBe('trimmed');
  });

  it.each([0, 1, 499, 999])(
    'is not known where what it begins after was trimmed away: %d entries later',
    async (count) => {
      const [from] = await add({ n: -1 });
      const ids = await add(...numbered(0, count), { n: -2 });
      await connection.send(['XTRIM', stream, 'MAXLEN', String(count + 1)]);
      expect(numbers(await missedSince(from!, ids.at(-1)!))).toBe('trimmed');
    },
  );

  it('is not known where the stream began anew meanwhile', async () => {
    const [from] = await add(...numbered(0, 5));
    await connection.send(['DEL', stream]);
    expect(numbers(await missedSince(from!, from!))).toBe('trimmed');
    // within one millisecond a stream that begins anew has the same ids once more
    await waitFor(() => Date.now() > Number.parseInt(from!) + 1, { what: 'the next millisecond' });
    const ids = await add(...numbered(5, 5));
    expect(numbers(await missedSince(from!, ids.at(-1)!))).toBe('trimmed');
  });

  it('is not looked for in far more entries than are to be read for one client', async () => {
    const [from] = await add({ n: -1 });
    const ids = await add(...numbered(0, 1_300));
    await expect(missedSince(from!, ids.at(-1)!, { most: 200 })).rejects.toThrow(TooManyEntriesError);
    expect(numbers(await missedSince(from!, ids.at(-1)!, { most: 1_300 }))).toHaveLength(1_300);
  });

  it('is not waited for longer than it is of use', async () => {
    const [from] = await add({ n: 0 });
    const signal = AbortSignal.abort(new Error('gone'));
    await expect(missedSince(from!, from!, { signal })).rejects.toThrow('gone');
  });
});

describe('concerns()', () => {
  it.each([
    [[], [], ['x'], true],
    [['a'], [], ['a', 'x'], true],
    [['a'], [], ['x'], false],
    [['a', 'b'], [], ['b'], true],
    [[], ['a'], ['a'], false],
    [['a'], ['b'], ['a', 'b'], false],
    [['a'], ['b'], [], false],
    [[], [], [], true],
  ])('rooms %j except %j: a client in %j', (rooms, except, of, expected) => {
    expect(concerns({ rooms, except, flags: {} }, of)).toBe(expected);
  });
});
