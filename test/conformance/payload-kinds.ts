/**
 * Arguments of a packet, made by functions whose source runs in the node. What a client gets is compared with what it gets
 * from Socket.IO without any adapter.
 */
export const payloadKinds: Record<string, () => unknown[]> = {
  nothing: () => [],
  'null, undefined and booleans': () => [null, undefined, true, false],
  'undefined at the end': () => ['text', undefined],
  'undefined in objects and arrays': () => [{ a: undefined, b: [undefined, 1], c: { d: undefined } }],
  numbers: () => [0, -0, 1.5, -1e308, 2 ** 53 - 1, -(2 ** 53 - 1), NaN, Infinity],
  text: () => ['', 'ünïcödé 🚀 \u2028\u0000', '{"a":1}', 'text "quoted"\n', 'YWJj'],
  'half of a surrogate pair': () => ['\ud800', { '\udfff': 1 }],
  'a last argument that looks like an offset': () => [1, '1700000000000-0'],
  'deeply nested': () => [Array.from({ length: 200 }).reduce<unknown>((inner) => ({ inner: [inner] }), 'core')],
  dates: () => [new Date(0), { at: [new Date(1_700_000_000_123)] }, new Date(NaN)],
  'a Map and a Set': () => [new Map([['a', 1]]), { set: new Set([1, 2]) }],
  'functions and symbols': () => [() => 1, Symbol('s'), { f: () => 1, s: Symbol('s') }, [() => 1], 1],
  'instances of classes': () => [
    new (class Point {
      x = 1;
      get y() {
        return 2;
      }
    })(),
    new Error('message'),
    /regexp/g,
    new URL('http://localhost/'),
    Object.assign(Object.create(null) as object, { bare: 1 }),
    Object.assign(Object.create({ inherited: 1 }) as object, { own: 1 }),
    Object(1),
    Object('text'),
  ],
  'a key named __proto__': () => [JSON.parse('{"__proto__":{"polluted":true},"constructor":1}'), 1],
  'what looks like a placeholder for binary data': () => [{ _placeholder: true, num: 0 }, 1],
  toJSON: () => [{ hidden: 1, toJSON: () => ({ shown: 1 }) }, { nested: [{ toJSON: () => 'text' }] }],
  'toJSON that makes binary data': () => [{ toJSON: () => ({ bytes: Buffer.from('bytes') }) }, 1],
  'toJSON that hides binary data': () => [{ bytes: Buffer.from('bytes'), toJSON: () => ({ shown: 1 }) }, 1],
  'toJSON that makes an object with toJSON': () => [
    { toJSON: () => ({ inner: 1, toJSON: () => ({ outer: 1 }) }) },
    { toJSON: () => ({ bytes: Buffer.from('bytes'), toJSON: () => ({ outer: 1 }) }) },
  ],
  'a Buffer': () => [Buffer.from('bytes')],
  'a Buffer that is part of another': () => [Buffer.from('0123456789').subarray(2, 5)],
  'an empty Buffer': () => [Buffer.alloc(0), 1],
  'a large Buffer': () => [Buffer.alloc(10_000, 7)],
  'several Buffers among other data': () => [
    Buffer.from('a'),
    'text',
    { b: [Buffer.from('b'), { c: Buffer.from('c') }] },
    1,
  ],
  'one Buffer twice': () => {
    const bytes = Buffer.from('twice');
    return [bytes, { again: bytes }];
  },
  'a Uint8Array': () => [new Uint8Array([0, 127, 255])],
  'an ArrayBuffer': () => [new Uint8Array([1, 2, 3]).buffer, { nested: [new Uint8Array([4]).buffer] }],
  'typed arrays': () => [new Float64Array([1.5, -2]), { nested: [new Uint16Array([1, 65_535]), new Int8Array([-1])] }],
  'a part of a typed array': () => [new Uint32Array([1, 2, 3, 4]).subarray(1, 3)],
  'a DataView': () => [new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2)],
  'dates beside binary data': () => [Buffer.from('bytes'), new Date(0), { at: new Date(1_700_000_000_123) }],
  'undefined beside binary data': () => [Buffer.from('bytes'), undefined, { a: undefined, b: [undefined] }, 1],
  'numbers beside binary data': () => [Buffer.from('bytes'), -0, NaN, Infinity, 2 ** 53 - 1, 1.1],
  'a Map and a Set beside binary data': () => [Buffer.from('bytes'), new Map([['a', 1]]), new Set([1])],
  'functions and symbols beside binary data': () => [Buffer.from('bytes'), () => 1, { f: () => 1, s: Symbol('s') }, 1],
  'half of a surrogate pair beside binary data': () => [Buffer.from('bytes'), '\ud800', 1],
  'binary data in a Map': () => [new Map([['a', Buffer.from('bytes')]]), 1],
};
