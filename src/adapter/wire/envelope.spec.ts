import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pack, unpack } from './envelope.js';

const text = fc.string({ unit: 'binary' });
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }).filter((number) => !Object.is(number, -0)),
    fc.boolean(),
    fc.constant(null),
    fc.date({ min: new Date(0), max: new Date('2500-01-01'), noInvalidDate: true }),
    bytes,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      text.filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 5 },
    ),
  ),
}));

describe('the envelope', () => {
  it('brings plain values, dates and bytes over as they are', () => {
    fc.assert(
      fc.property(value, (original) => {
        expect(unpack(pack(original))).toEqual(original);
      }),
    );
  });

  it('brings binary data of every kind over as Buffers', () => {
    const numbers = new Float64Array([1.5, -2]);
    const window = new Uint16Array(new Uint16Array([1, 2, 3, 4]).buffer, 2, 2);
    const packed = pack({ buffer: new Uint8Array([1, 2]).buffer, nested: [numbers, { window }] });
    expect(unpack(packed)).toEqual({
      buffer: Buffer.from([1, 2]),
      nested: [Buffer.from(numbers.buffer), { window: Buffer.from([2, 0, 3, 0]) }],
    });
  });

  it('gives Buffers that keep no message alive', () => {
    const packed = pack({ small: Buffer.from('x'), large: Buffer.alloc(100_000) });
    const { small } = unpack(packed) as { small: Buffer };
    expect(small.buffer.byteLength).toBeLessThan(20_000);
  });

  it('leaves out keys named __proto__, which a client may send in its handshake, and nothing else', () => {
    const auth = JSON.parse('{"token":"x","__proto__":{"admin":true},"list":[{"__proto__":1,"n":2}]}') as object;
    const original = structuredClone(auth);
    expect(unpack(pack({ sockets: [{ auth }] }))).toEqual({ sockets: [{ auth: { token: 'x', list: [{ n: 2 }] } }] });
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
    expect(Object.keys(auth)).toEqual(Object.keys(original));
    expect((auth as { list: object[] }).list[0]).toHaveProperty('n', 2);
    expect(Object.hasOwn(auth, '__proto__')).toBe(true);
  });

  it('changes nothing of what it packs', () => {
    const auth = Object.freeze(JSON.parse('{"__proto__":1,"list":[1]}') as object);
    const frozen = Object.freeze({ buffer: new ArrayBuffer(2), auth, list: Object.freeze([new ArrayBuffer(1)]) });
    pack(frozen);
    expect(frozen.buffer).toBeInstanceOf(ArrayBuffer);
    expect(frozen.list[0]).toBeInstanceOf(ArrayBuffer);
  });

  it('refuses what cannot be packed', () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    expect(() => pack(cycle)).toThrow(/too deep/i);
    // at once, however many ways there are to go round in it
    const twice: { one?: unknown; other?: unknown } = {};
    twice.one = twice.other = [twice, twice];
    expect(() => pack(twice)).toThrow(/too deep/i);
    const timer = setTimeout(() => undefined, 100_000);
    expect(() => pack({ timer })).toThrow();
    clearTimeout(timer);
    expect(() => pack({ run: () => undefined })).toThrow(/function/i);
    expect(() => pack({ id: 2n ** 70n })).toThrow();
    // and is none the worse for it
    expect(unpack(pack({ fine: true }))).toEqual({ fine: true });
  });

  it('refuses what is no MessagePack', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        try {
          unpack(noise);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
        expect(unpack(pack({ fine: true }))).toEqual({ fine: true });
      }),
    );
    expect(() => unpack(Buffer.alloc(0))).toThrow();
    expect(() => unpack(Buffer.concat([pack(1), pack(2)]))).toThrow();
    // a million arrays in one another
    expect(() => unpack(Buffer.concat([Buffer.alloc(1_000_000, 0x91), Buffer.from([0xc0])]))).toThrow(RangeError);
    // an array that claims to have four thousand million items
    expect(() => unpack(Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]))).toThrow();
  });
});
