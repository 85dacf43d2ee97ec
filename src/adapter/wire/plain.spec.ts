import fc from 'fast-check';
import { Decoder, Encoder, PacketType, type Packet } from 'socket.io-parser';
import { describe, expect, it } from 'vitest';
import { SerializationError } from '../errors.js';
import { hasBinary, toPlain, toPlainStrictly } from './plain.js';

const text = fc.string({ unit: 'binary', maxLength: 8 });
const binary = fc.oneof(
  fc.uint8Array({ maxLength: 8 }),
  fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
  fc.uint8Array({ maxLength: 8 }).map((bytes) => new Uint8Array(bytes).buffer),
  fc.float64Array({ maxLength: 3 }),
);

/** What may stand in the arguments of an event; what has no counterpart in JSON included. */
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constantFrom(null, undefined, Number.NaN, Symbol('symbol'), () => 1),
    fc.date({ noInvalidDate: true }),
    fc.constantFrom(new Map([['key', 'value']]), new Set([1]), new Map([['key', Buffer.from('bytes')]])),
    binary,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      text.filter((key) => key !== '__proto__' && key !== 'toJSON'),
      tie('value'),
      { maxKeys: 4 },
    ),
    tie('value')
      .filter(isWithoutToJson)
      .map((inner) => ({ hidden: 1, toJSON: () => inner })),
  ),
}));

/** `socket.io-parser` does not go further into what a `toJSON()` returns when that has one itself. */
function isWithoutToJson(inner: unknown): boolean {
  return typeof (inner as { toJSON?: unknown } | null | undefined)?.toJSON !== 'function';
}

/** What a client receives when Socket.IO itself sends the arguments. */
function delivered(args: unknown[]): unknown[] {
  const decoder = new Decoder({ maxAttachments: 1_000 });
  let received: Packet | undefined;
  decoder.on('decoded', (packet) => (received = packet));
  for (const part of new Encoder().encode({ type: PacketType.EVENT, nsp: '/', data: ['event', ...args] })) {
    decoder.add(part);
  }
  return (received!.data as unknown[]).slice(1).map(withBuffers);
}

/** On the wire, binary data of every kind is bytes. */
function withBuffers(received: unknown): unknown {
  if (received === null || typeof received !== 'object') return received;
  if (received instanceof ArrayBuffer) return Buffer.from(received);
  if (ArrayBuffer.isView(received)) return Buffer.from(received.buffer, received.byteOffset, received.byteLength);
  if (Array.isArray(received)) return received.map(withBuffers);
  return Object.fromEntries(Object.entries(received).map(([key, item]) => [key, withBuffers(item)]));
}

/** `JSON.parse()` makes 0 of it. */
function withoutNegativeZero(plain: unknown): unknown {
  if (Object.is(plain, -0)) return 0;
  if (Array.isArray(plain)) return plain.map(withoutNegativeZero);
  if (plain === null || typeof plain !== 'object' || Buffer.isBuffer(plain)) return plain;
  return Object.fromEntries(Object.entries(plain).map(([key, item]) => [key, withoutNegativeZero(item)]));
}

describe('toPlain()', () => {
  it('makes of arguments what a client would receive of them from Socket.IO itself', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 4 }), (args) => {
        expect(withoutNegativeZero(toPlain(args))).toEqual(delivered(args));
      }),
      { numRuns: 500 },
    );
  });

  it('finds what cannot be serialised, and says where', () => {
    const cycle: { list: unknown[] } = { list: [] };
    cycle.list.push(1, { back: cycle });
    expect(() => toPlain([cycle])).toThrow(SerializationError);
    expect(() => toPlain([cycle])).toThrow(
      'an object that refers to itself cannot be serialised (at `[0].list[1].back`).',
    );
    expect(() => toPlain({ user: { id: 1n } })).toThrow(
      'a BigInt cannot be serialised (at `user.id`). Make sure to convert it to a string first.',
    );
    expect(() => toPlain(1n)).toThrow('a BigInt cannot be serialised. Make sure');
  });

  it('takes the same object twice for no cycle', () => {
    const shared = { n: 1 };
    expect(toPlain([shared, { shared }, shared])).toEqual([{ n: 1 }, { shared: { n: 1 } }, { n: 1 }]);
  });

  it('keeps a key named __proto__ a key', () => {
    const plain = toPlain(JSON.parse('{"__proto__":{"admin":true}}')) as { admin?: boolean };
    expect(Object.keys(plain)).toEqual(['__proto__']);
    expect(plain.admin).toBeUndefined();
  });
});

describe('toPlainStrictly()', () => {
  it('refuses what JSON would leave out, naming what was to be sent', () => {
    expect(() => toPlainStrictly(['event', { run: () => 1 }], 'the arguments')).toThrow(
      'Cannot send the arguments to the other nodes: a function cannot be serialised (at `[1].run`). Make sure to leave it out.',
    );
    expect(() => toPlainStrictly([Symbol('x')], 'the arguments')).toThrow('a symbol cannot be serialised (at `[0]`)');
    expect(() => toPlainStrictly([1n], 'the arguments')).toThrow(SerializationError);
  });

  it('is the same as toPlain() otherwise', () => {
    fc.assert(
      fc.property(value, (original) => {
        let strict: unknown;
        try {
          strict = toPlainStrictly(original, 'it');
        } catch (error) {
          expect((error as Error).message).toMatch(/a (function|symbol) cannot/);
          return;
        }
        expect(strict).toEqual(toPlain(original));
      }),
    );
  });
});

describe('hasBinary()', () => {
  it('finds binary data wherever socket.io-parser does', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 4 }), (args) => {
        const parts = new Encoder().encode({ type: PacketType.EVENT, nsp: '/', data: args });
        expect(hasBinary(args)).toBe(parts.length > 1);
      }),
      { numRuns: 500 },
    );
  });
});
