import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePositions, encodePositions, latestPositions } from './positions.js';

const digits = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
const recent = fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }).map(String);
const index = fc.option(fc.nat({ max: 127 }), { nil: undefined });
const position = fc
  .tuple(fc.oneof(digits, recent), fc.oneof(digits, fc.nat({ max: 9 }).map(String)), index)
  .map(([ms, seq, within]) => `${ms}-${seq}${within === undefined ? '' : `.${within}`}`);

describe('positions as text', () => {
  it('are read as they were written, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(position, { minLength: 1, maxLength: 8 }), (positions) => {
        expect(decodePositions(encodePositions(positions))).toEqual(positions);
      }),
    );
  });

  it('are the position itself where there is one', () => {
    expect(encodePositions(['1700000000000-1.5'])).toBe('1700000000000-1.5');
  });

  it('leave out what a position shares with the one before', () => {
    expect(encodePositions(['1700000000123-0', '1700000000456-2.1', '1700000000456-2', '0-0', '0-0'])).toBe(
      '1700000000123-0~456-2.1~-2~=0-0~-0',
    );
  });

  it.each([undefined, 7, '', '~', 'x', '1-', '-1', '1-1~', '1-1~x', '1-1~=', '1-1~01-1', '1-1~=01-1', '1-1~1-1.x'])(
    'are not read from %j',
    (text) => expect(decodePositions(text)).toBeUndefined(),
  );
});

it('positions as text are those of 1,024 streams at most', () => {
  const positions = Array.from({ length: 1_024 }, (_, n) => `${n}-0`);
  expect(decodePositions(encodePositions(positions))).toEqual(positions);
  expect(decodePositions(encodePositions([...positions, '1-0']))).toBeUndefined();
});

describe('latestPositions()', () => {
  it('takes the later one of each stream', () => {
    expect(latestPositions(['1-0', '9-0', '5-5'], ['2-0', '8-0', '5-5.1'])).toEqual(['2-0', '9-0', '5-5']);
  });
});
