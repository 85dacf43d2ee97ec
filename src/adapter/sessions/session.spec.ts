import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodePositions } from '../stream/positions.js';
import { decodeSession, encodeSession, resumptionOf, type StoredSession } from './session.js';

const text = fc.string({ unit: 'binary' });
const streamId = fc.tuple(fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(0n, 2n ** 64n - 1n)).map(([a, b]) => `${a}-${b}`);
const data = fc.dictionary(
  text.filter((key) => key !== '__proto__'),
  fc.oneof(
    fc.jsonValue({ noUnicodeString: false }).filter((value) => !JSON.stringify(value).includes('__proto__')),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    fc.date({ min: new Date(0), max: new Date('2500-01-01'), noInvalidDate: true }),
  ),
);

const session: fc.Arbitrary<StoredSession> = fc.record(
  {
    sid: text,
    pid: text,
    rooms: fc.array(text),
    data,
    nsp: text,
    stream: text,
    position: streamId,
    offset: streamId,
    since: streamId,
    owner: text,
  },
  { requiredKeys: ['sid', 'pid', 'rooms', 'data'] },
);

/** `JSON.parse()` and MessagePack know one zero. */
function withoutNegativeZero(value: unknown): unknown {
  if (Object.is(value, -0)) return 0;
  if (Array.isArray(value)) return value.map(withoutNegativeZero);
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value) || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutNegativeZero(item)]));
}

describe('a stored session', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(session, (original) => {
        expect(decodeSession(encodeSession(original))).toEqual(withoutNegativeZero(original));
      }),
    );
  });

  it('is read where nodes of the peer package wrote it', () => {
    const peers = { sid: 's', pid: 'p', rooms: ['s', 'a'], data: { name: 'x' } };
    expect(decodeSession(Buffer.from(encode(peers)).toString('base64'))).toEqual(peers);
  });

  it('goes without what cannot be stored of `socket.data`, as with JSON', () => {
    const stored = { sid: 's', pid: 'p', rooms: [], data: { run: () => 1, when: new Date(5), list: [() => 1], n: 1 } };
    expect(decodeSession(encodeSession(stored))).toEqual({
      ...stored,
      data: { when: new Date(5).toJSON(), list: [null], n: 1 },
    });
  });

  it('survives a key that no decoder takes', () => {
    const stored = { sid: 's', pid: 'p', rooms: [], data: JSON.parse('{"__proto__":{"admin":true},"n":1}') as object };
    expect(decodeSession(encodeSession(stored))).toEqual({ ...stored, data: { n: 1 } });
  });

  it('cannot be written with a BigInt or a cycle in `socket.data`', () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    for (const bad of [{ n: 1n }, cycle]) {
      expect(() => encodeSession({ sid: 's', pid: 'p', rooms: [], data: bad })).toThrow(/cannot be serialised/);
    }
  });

  it('is told from everything else', () => {
    for (const value of [null, undefined, 5, '', 'AAAA', 'no base64 at all', Buffer.from('x')]) {
      expect(decodeSession(value)).toBeUndefined();
    }
    for (const value of [null, [], 'text', {}, { sid: 's', pid: 'p' }, { sid: 1, pid: 'p', rooms: [] }]) {
      expect(decodeSession(Buffer.from(encode(value)).toString('base64'))).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.uint8Array(), (noise) => {
        decodeSession(Buffer.from(noise).toString('base64'));
      }),
    );
  });

  it('loses fields that are malformed, and has data in any case', () => {
    const odd = { sid: 's', pid: 'p', rooms: [], nsp: 5, position: 'x', offset: 7, since: '1', owner: null, more: 1 };
    expect(decodeSession(Buffer.from(encode(odd)).toString('base64'))).toEqual({
      sid: 's',
      pid: 'p',
      rooms: [],
      data: {},
    });
  });
});

describe('a client that comes back', () => {
  const stored = { sid: 'sid', pid: 'pid', rooms: [], data: {}, since: '10-0', offset: '20-0', position: '30-0' };
  const { since: _, ...withoutSince } = stored;
  const { offset: __, ...silent } = stored;

  it.each([
    ['behind its node’s position, when it has all that was written to it', stored, '20-0', '30-0'],
    ['behind its node’s position, when nothing was written to it in this session', silent, '5-0', '30-0'],
    ['behind its offset, when that is further on than a session that was kept', silent, '40-0', '40-0'],
    ['behind its offset, when it lacks something', stored, '15-0', '15-0'],
    ['behind its offset, when it got something after the session was kept', stored, '40-0', '40-0'],
    ['where its session began, when its offset is from an earlier one', stored, '5-0', '10-0'],
    ['behind its offset, when it is not known when its session began', withoutSince, '15-0', '15-0'],
    ['behind its offset, when nothing else is known', { sid: 'sid', pid: 'pid', rooms: [], data: {} }, '5-0', '5-0'],
  ])('goes on %s', (_case, session: StoredSession, offset, expected) => {
    expect(resumptionOf(session, offset)?.from).toEqual([expected]);
  });

  it.each([
    [stored, '20-0', '30-0'],
    [stored, '40-0', '40-0'],
    [silent, '5-0', '30-0'],
    [{ sid: 'sid', pid: 'pid', rooms: [], data: {} }, '5-0', '5-0'],
  ])('is known to have come as far as its node, or further', (session: StoredSession, offset, expected) => {
    expect(resumptionOf(session, offset)?.known).toEqual([expected]);
  });

  it('goes on in each of several streams where it left off there', () => {
    const offset = encodePositions(['20-0', '1-0']);
    const [since, position] = [encodePositions(['10-0', '2-0']), encodePositions(['30-0', '40-0'])];
    const several = { ...stored, since, offset, position };
    const resumed = (...positions: string[]) => resumptionOf(several, encodePositions(positions));
    expect(resumed('20-0', '1-0')).toEqual({ known: ['30-0', '40-0'], from: ['30-0', '40-0'] });
    expect(resumed('15-0', '1-0')).toEqual({ known: ['30-0', '40-0'], from: ['15-0', '2-0'] });
    expect(resumed('35-0', '50-0')).toEqual({ known: ['35-0', '50-0'], from: ['35-0', '50-0'] });
  });

  it('goes on where its session began, when its offset is of other streams, which is from before', () => {
    const [since, position] = [encodePositions(['10-0', '2-0']), encodePositions(['30-0', '40-0'])];
    const session = { ...silent, since, position };
    expect(resumptionOf(session, '99-0')?.from).toEqual(['30-0', '40-0']);
    expect(resumptionOf({ ...session, offset: encodePositions(['20-0', '1-0']) }, '99-0')).toEqual({
      known: ['30-0', '40-0'],
      from: ['10-0', '2-0'],
    });
    const other = encodePositions(['20-0', '1-0']);
    expect(resumptionOf(withoutSince, other)).toBeUndefined();
  });

  it.each(['', 'x', '1-0~'])('does not go on from %j, which is no offset', (offset) => {
    expect(resumptionOf(stored, offset)).toBeUndefined();
  });
});
