import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  comparePositions,
  entryOf,
  FIRST_POSITION,
  isPosition,
  isStreamId,
  laterPosition,
  positionAt,
  streamIdTime,
} from './stream-id.js';

const MOST = 2n ** 64n - 1n;

/** Both parts over the whole range, and close to each other often enough that they are equal now and then. */
const part = fc.oneof(
  fc.bigInt(0n, MOST),
  fc.bigInt(0n, 12n),
  fc.constantFrom(9n, 10n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, MOST - 1n, MOST),
);
const parts = fc.tuple(part, part);
const id = parts.map(idOf);

function idOf([time, sequence]: [bigint, bigint]): string {
  return `${time}-${sequence}`;
}

function compareAsNumbers(a: [bigint, bigint], b: [bigint, bigint]): number {
  if (a[0] !== b[0]) return a[0] < b[0] ? -1 : 1;
  return a[1] === b[1] ? 0 : a[1] < b[1] ? -1 : 1;
}

describe('stream ids', () => {
  it('are ordered as pairs of unsigned 64-bit integers', () => {
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        expect(Math.sign(comparePositions(idOf(a), idOf(b)))).toBe(compareAsNumbers(a, b));
      }),
      { numRuns: 1_000 },
    );
  });

  it('are totally ordered', () => {
    fc.assert(
      fc.property(id, id, id, (a, b, c) => {
        expect(comparePositions(a, a)).toBe(0);
        expect(Math.sign(comparePositions(a, b))).toBe(0 - Math.sign(comparePositions(b, a)));
        const [first, second, third] = [a, b, c].sort(comparePositions) as [string, string, string];
        expect(comparePositions(first, second)).toBeLessThanOrEqual(0);
        expect(comparePositions(second, third)).toBeLessThanOrEqual(0);
        expect(comparePositions(first, third)).toBeLessThanOrEqual(0);
      }),
    );
  });

  it('stand at or behind the first position', () => {
    fc.assert(fc.property(id, (one) => comparePositions(one, FIRST_POSITION) >= 0));
    expect(comparePositions('0-1', FIRST_POSITION)).toBeGreaterThan(0);
  });

  it('give the later of two', () => {
    fc.assert(
      fc.property(id, id, (a, b) => {
        const later = laterPosition(a, b);
        expect([a, b]).toContain(later);
        expect(comparePositions(later, a)).toBeGreaterThanOrEqual(0);
        expect(comparePositions(later, b)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('tell when their entry was added', () => {
    expect(streamIdTime('1700000000123-45')).toBe(1_700_000_000_123);
  });

  it('are told from everything else', () => {
    fc.assert(fc.property(id, (one) => isStreamId(one)));
    for (const other of [
      '',
      '-',
      '1',
      '1-',
      '-1',
      '1-2-3',
      '1-*',
      '$',
      '+',
      '01-1',
      '1-01',
      '1 -2',
      '1-2\n',
      '-1-2',
      12,
      null,
      {},
    ]) {
      expect(isStreamId(other), JSON.stringify(other)).toBe(false);
    }
    expect(isStreamId(`${'9'.repeat(21)}-0`)).toBe(false);
  });
});

describe('positions within an entry', () => {
  const count = fc.integer({ min: 1, max: 200 });

  it('are in the order of its messages, behind the entry before it and before the one after it', () => {
    fc.assert(
      fc.property(parts, count, ([time, sequence], messages) => {
        const entry = idOf([time, sequence]);
        const before = sequence === 0n ? FIRST_POSITION : idOf([time, sequence - 1n]);
        const after = idOf([time, sequence + 1n]);
        const within = Array.from({ length: messages }, (_, index) => positionAt(entry, index, messages));
        const positions = [...(entry === FIRST_POSITION ? [] : [before]), ...within, after];
        expect(positions.toSorted(comparePositions)).toEqual(positions);
        expect(within.every(isPosition)).toBe(true);
        expect(new Set(within.map(entryOf))).toEqual(new Set([entry]));
        // what is behind the last message is behind the entry
        expect(within.at(-1)).toBe(entry);
      }),
    );
  });

  it('are no ids of entries', () => {
    expect(isStreamId('5-0.3')).toBe(false);
    expect(isPosition('5-0.3')).toBe(true);
    for (const value of ['5-0.', '5-0.03', '5-0.-1', '5.3', '.3', '5-0.3.3', '5-0.1e3', 5, undefined]) {
      expect(isPosition(value)).toBe(false);
    }
  });
});
