import { decode as decodeMessagePack, encode as encodeMessagePack } from '@msgpack/msgpack';
import fc from 'fast-check';
import { MessageType } from 'socket.io-adapter';
import { Decoder, Encoder, PacketType, type Packet } from 'socket.io-parser';
import { describe, expect, it } from 'vitest';
import { SerializationError } from '../errors.js';
import { pushEntry, readEntry } from './entry.js';
import { decodeMessage, encodeBroadcast, encodeMessage, optionsOf, payloadOf } from './entry-codec.js';
import type { ClusterMessage, EncodedMessage, StreamEntry, StreamMessage, WireOptions } from './message.js';
import { RESERVED_SERVER_EVENTS } from './validate.js';

const text = fc.string({ unit: 'binary', maxLength: 8 });
const leaf = fc.oneof(
  text,
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.constantFrom(true, null, undefined, Number.NaN, Number.POSITIVE_INFINITY),
  fc.date({ noInvalidDate: true }),
  fc.constantFrom(new Map([['key', 1]]), new Set([1]), () => 1, Symbol('symbol')),
  fc.record({ hidden: text }).map((object) => ({ ...object, toJSON: () => ({ shown: 1 }) })),
);
const binary = fc.oneof(
  fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
  fc.uint8Array({ maxLength: 8 }).map((bytes) => new Uint8Array(bytes).buffer),
  fc.float32Array({ maxLength: 3 }),
  fc.uint8Array({ maxLength: 8 }).map((bytes) => ({ toJSON: () => ({ bytes }) })),
);

function treeOf(leaves: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      leaves,
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(
        text.filter((key) => key !== '__proto__'),
        tie('tree'),
        { maxKeys: 4 },
      ),
    ),
  })).tree;
}

const event = text.filter((name) => !['connect', 'connect_error', 'disconnect', 'disconnecting'].includes(name));
const plainArgs = fc.tuple(event, fc.array(treeOf(leaf), { maxLength: 4 })).map(([name, rest]) => [name, ...rest]);
const anyArgs = fc
  .tuple(event, fc.array(treeOf(fc.oneof(leaf, binary)), { maxLength: 4 }))
  .map(([name, rest]) => [name, ...rest]);
const room = fc.oneof(text, fc.integer() as fc.Arbitrary<unknown> as fc.Arbitrary<string>);
const options: fc.Arbitrary<WireOptions> = fc.record({
  rooms: fc.array(room, { maxLength: 3 }),
  except: fc.array(room, { maxLength: 3 }),
  flags: fc.record(
    {
      volatile: fc.boolean(),
      compress: fc.boolean(),
      timeout: fc.nat(),
      expectSingleResponse: fc.boolean(),
      ackId: fc.nat(),
    },
    { requiredKeys: [] },
  ),
});
const requestId = fc.option(fc.stringMatching(/^[0-9a-f]{16}$/), { nil: undefined });

/** What a client receives of a packet that Socket.IO sends. */
function delivered(args: unknown[]): unknown {
  const decoder = new Decoder({ maxAttachments: 1_000 });
  let received: Packet | undefined;
  decoder.on('decoded', (packet) => (received = packet));
  for (const part of new Encoder().encode({ type: PacketType.EVENT, nsp: '/', data: args })) decoder.add(part);
  return withBuffers(received!.data);
}

/** On the wire, binary data of every kind is bytes. */
function withBuffers(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (Array.isArray(value)) return value.map(withBuffers);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withBuffers(item)]));
}

/** The message as a reader gets it. */
function sent(message: EncodedMessage): StreamMessage {
  const fields: string[] = [];
  pushEntry(fields, { uid: 'node', publisher: 'node', seq: 1 }, [{ ...message, namespace: '/', carrier: undefined }]);
  return only(received(fields));
}

function only({ messages }: StreamEntry): StreamMessage {
  expect(messages).toHaveLength(1);
  return messages[0]!;
}

function received(fields: string[]): StreamEntry {
  const entry = readEntry(
    'stream',
    '1-1',
    fields.map((field) => Buffer.from(field)),
  );
  if (entry === undefined) throw new Error('The entry was not understood.');
  return entry;
}

/** The data of an entry as `@socket.io/redis-streams-adapter` decodes it. */
function decodedByPeer(data: string): { opts: unknown; packet: { type: number; data: unknown[] }; requestId?: string } {
  const raw: unknown = data.startsWith('{') ? JSON.parse(data) : decodeMessagePack(Buffer.from(data, 'base64'));
  return raw as ReturnType<typeof decodedByPeer>;
}

describe('a broadcast', () => {
  it('is delivered on every node as Socket.IO itself would deliver it', () => {
    fc.assert(
      fc.property(anyArgs, options, requestId, (args, opts, request) => {
        const expected = delivered(args);
        const message = encodeBroadcast(args, opts, request, false);
        const entry = sent(message);
        expect(optionsOf(entry)).toEqual(opts);
        expect(entry.requestId).toBe(request);
        expect(delivered(payloadOf(entry).args)).toEqual(expected);
        // here
        expect(delivered(message.payload.args)).toEqual(expected);
        // as a request
        const { data } = decodeMessage(entry) as ClusterMessage & { type: MessageType.BROADCAST };
        expect(data.opts).toEqual(opts);
        expect(data.requestId).toBe(request);
        expect(delivered(data.packet.data)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('goes on as the text that it came in, where it holds no binary data', () => {
    fc.assert(
      fc.property(plainArgs, options, (args, opts) => {
        const json = JSON.stringify(args);
        const message = encodeBroadcast(args, opts, undefined, false);
        expect(message.payload.json).toBe(json);
        expect(message.optionsLength).toBeGreaterThan(0);
        expect(payloadOf(sent(message)).json).toBe(json);
        expect(encodeBroadcast(args, opts, undefined, true)).toMatchObject({ data: message.data });
      }),
    );
  });

  it('is what it was when it was emitted, whatever becomes of its arguments', () => {
    const live = { n: 1, buffer: Buffer.from('a') };
    const message = encodeBroadcast(['event', live], { rooms: [], except: [], flags: {} }, undefined, false);
    live.n = 2;
    expect(payloadOf(sent(message)).args).toEqual(['event', { n: 1, buffer: Buffer.from('a') }]);
    expect((message.payload.args[1] as { n: number }).n).toBe(1);
  });

  it('is understood by nodes of the peer package', () => {
    fc.assert(
      fc.property(anyArgs, options, requestId, (args, opts, request) => {
        const peers = decodedByPeer(encodeBroadcast(args, opts, request, false).data);
        expect(peers.opts).toEqual(opts);
        expect(peers.requestId).toBe(request);
        expect(peers.packet.type).toBe(2);
        expect(delivered(peers.packet.data)).toEqual(delivered(args));
      }),
    );
  });

  it('is understood that a node of the peer package has sent', () => {
    fc.assert(
      fc.property(fc.json(), fc.boolean(), (json, withBinary) => {
        const data = ['event', JSON.parse(json) as unknown, ...(withBinary ? [Buffer.from('bytes')] : [])];
        if (withBinary && json.includes('__proto__')) return;
        const raw = {
          packet: { type: 2, data, nsp: '/' },
          opts: { rooms: ['a'], except: [], flags: { volatile: true } },
        };
        const encoded = withBinary ? Buffer.from(encodeMessagePack(raw)).toString('base64') : JSON.stringify(raw);
        const entry = received(['uid', 'peer', 'nsp', '/', 'type', '3', 'data', encoded]);
        const message = only(entry);
        expect(entry.seq).toBeUndefined();
        expect(optionsOf(message)).toEqual({ rooms: ['a'], except: [], flags: { volatile: true } });
        expect(delivered(payloadOf(message).args)).toEqual(delivered(data));
      }),
    );
  });

  it('that cannot be serialised is refused, with what is wrong', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    const opts = { rooms: [], except: [], flags: {} };
    for (const [args, problem] of [
      [['event', 1n], /BigInt/],
      [['event', Buffer.from('x'), { id: 1n }], /BigInt.*\[2\]\.id/],
      [['event', cycle], /refer to themselves|circular/i],
      [
        [
          'event',
          {
            toJSON: () => {
              throw new RangeError('no JSON of this');
            },
          },
        ],
        /nested too deeply/,
      ],
      [
        [
          'event',
          {
            toJSON: () => {
              throw new TypeError('no JSON of this');
            },
          },
        ],
        /no JSON of this/,
      ],
    ] as const) {
      expect(() => encodeBroadcast([...args], opts, undefined, false)).toThrow(SerializationError);
      expect(() => encodeBroadcast([...args], opts, undefined, false)).toThrow(problem);
    }
  });
});

describe('another message', () => {
  const message: fc.Arbitrary<Exclude<ClusterMessage, { type: MessageType.BROADCAST }>> = fc.oneof(
    fc.record({
      type: fc.constantFrom(MessageType.SOCKETS_JOIN as const, MessageType.SOCKETS_LEAVE as const),
      data: fc.record({ opts: options, rooms: fc.array(room, { maxLength: 3 }) }),
    }),
    fc.record({
      type: fc.constant(MessageType.DISCONNECT_SOCKETS as const),
      data: fc.record({ opts: options, close: fc.boolean() }),
    }),
    fc.record({
      type: fc.constant(MessageType.FETCH_SOCKETS as const),
      data: fc.record({ opts: options, requestId: fc.stringMatching(/^[0-9a-f]{16}$/) }),
    }),
    fc
      .tuple(text, fc.array(fc.jsonValue()), fc.boolean(), requestId)
      .filter(([name]) => !RESERVED_SERVER_EVENTS.has(name))
      .map(([name, args, withBinary, request]) => [[name, ...args] as unknown[], withBinary, request] as const)
      .map(([packet, withBinary, request]) => ({
        type: MessageType.SERVER_SIDE_EMIT as const,
        data: {
          packet: withBinary ? [...packet, Buffer.from('bytes')] : packet,
          ...(request !== undefined && { requestId: request }),
        },
      })),
  );

  it('is decoded as it was encoded', () => {
    fc.assert(
      fc.property(message, (original) => {
        if (JSON.stringify(original).includes('__proto__')) return;
        const entry = sent(encodeMessage(original));
        expect(JSON.parse(JSON.stringify(decodeMessage(entry)))).toEqual(JSON.parse(JSON.stringify(original)));
        expect(entry.requestId).toBe((original.data as { requestId?: string }).requestId);
      }),
    );
  });

  it('brings binary data from server to server', () => {
    const packet = ['event', { nested: [Buffer.from('bytes')] }, new Uint8Array([1, 2])];
    const entry = sent(encodeMessage({ type: MessageType.SERVER_SIDE_EMIT, data: { packet } }));
    expect(decodeMessage(entry).data).toEqual({
      packet: ['event', { nested: [Buffer.from('bytes')] }, Buffer.from([1, 2])],
    });
  });

  it('brings no function from server to server', () => {
    const packet = ['event', { run: () => 1 }];
    expect(() => encodeMessage({ type: MessageType.SERVER_SIDE_EMIT, data: { packet } })).toThrow(
      'Cannot send the arguments of serverSideEmit() to the other nodes: a function cannot be serialised (at `[1].run`).',
    );
  });
});

describe('the fields of an entry', () => {
  const message: EncodedMessage = { type: 3, data: '{}', optionsLength: 5, requestId: 'r1' };

  it('are read as they were written', () => {
    const fields: string[] = [];
    const carrier = { traceparent: '00-1-2-01', tracestate: 'a=b' };
    pushEntry(fields, { uid: 'emitter', publisher: 'p', seq: 7 }, [{ ...message, namespace: '/größe', carrier }]);
    const entry = received(fields);
    expect(entry).toMatchObject({ id: '1-1', publisher: 'p', seq: 7 });
    expect(only(entry)).toMatchObject({
      stream: 'stream',
      id: '1-1',
      uid: 'emitter',
      namespace: '/größe',
      messageType: 3,
      optionsLength: 5,
      requestId: 'r1',
      carrier,
      data: Buffer.from('{}'),
    });
  });

  it('are no more than needed', () => {
    const fields: string[] = [];
    const outgoing = { ...message, namespace: '/', requestId: undefined, carrier: undefined };
    pushEntry(fields, { uid: 'n', publisher: 'n', seq: 7 }, [outgoing]);
    expect(fields).toEqual(['uid', 'n', 'nsp', '/', 'type', '3', 'data', '{}', 'hdr', '7 5']);
    expect(received(fields).publisher).toBe('n');
    expect(only(received(fields))).toMatchObject({ requestId: undefined, carrier: undefined });
  });

  it('may be more than are known', () => {
    const entry = received(['x', '1', 'uid', 'n', 'longer', '2', 'nsp', '/', 'type', '3', 'data', '{}']);
    expect(entry.seq).toBeUndefined();
    expect(only(entry).uid).toBe('n');
  });

  it.each([
    ['no node', ['nsp', '/', 'type', '3', 'data', '{}']],
    ['an empty node', ['uid', '', 'nsp', '/', 'type', '3', 'data', '{}']],
    ['no namespace', ['uid', 'n', 'type', '3', 'data', '{}']],
    ['no type', ['uid', 'n', 'nsp', '/', 'data', '{}']],
    ['a type that is no number', ['uid', 'n', 'nsp', '/', 'type', 'three', 'data', '{}']],
    ['a number of 0', ['uid', 'n', 'nsp', '/', 'type', '3', 'data', '{}', 'hdr', '0 0']],
    ['a negative number', ['uid', 'n', 'nsp', '/', 'type', '3', 'data', '{}', 'hdr', '-1 0']],
    ['a header that says nothing', ['uid', 'n', 'nsp', '/', 'type', '3', 'data', '{}', 'hdr', '']],
    ['a length that is none', ['uid', 'n', 'nsp', '/', 'type', '3', 'data', '{}', 'hdr', '1 1e3']],
  ])('are refused with %s', (_what, fields) => {
    expect(
      readEntry(
        'stream',
        '1-1',
        fields.map((field) => Buffer.from(field)),
      ),
    ).toBeUndefined();
  });
});

describe('an entry from elsewhere', () => {
  /** Throws, or gives what can be worked with. */
  function use(message: StreamMessage): void {
    for (const read of [optionsOf, payloadOf, decodeMessage]) {
      let result: unknown;
      try {
        result = read(message);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        continue;
      }
      if (read === optionsOf) {
        const { rooms, except, flags } = result as WireOptions;
        for (const one of [...rooms, ...except]) expect(['string', 'number']).toContain(typeof one);
        expect(typeof flags).toBe('object');
      } else if (read === payloadOf) {
        const { args } = result as { args: unknown[] };
        expect(['string', 'number']).toContain(typeof args[0]);
        expect(delivered(args)).toBeDefined();
      }
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  }

  it('does no harm, whatever its data', () => {
    const parts = fc.constantFrom(
      '{"opts":',
      '{"rooms":["a"],"except":[],"flags":{}}',
      ',"packet":{"type":2,"data":',
      '["event",1]',
      '}}',
      '}',
      '{"__proto__":{"polluted":1}}',
      '"__proto__":{"polluted":1},',
      '[',
      ']',
      'null',
      '"x"',
      ',',
      '{"_placeholder":true,"num":0}',
      '["connect"]',
      '[{"toString":1}]',
      ' ',
      '{"rooms":"a"}',
      '{"rooms":[{}]}',
      '\u2028',
    );
    const data = fc.oneof(
      fc.array(parts, { maxLength: 8 }).map((list) => list.join('')),
      fc.json(),
      fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('base64')),
      fc.jsonValue().map((value) => Buffer.from(encodeMessagePack(value)).toString('base64')),
      text,
    );
    fc.assert(
      fc.property(data, fc.integer({ min: 0, max: 15 }), fc.nat(60), (noise, type, length) => {
        use(only(received(['uid', 'x', 'nsp', '/', 'type', String(type), 'data', noise, 'hdr', `1 ${length}`])));
      }),
      { numRuns: 1_000 },
    );
  });

  it('does no harm that was right but for a few bytes', () => {
    const change = fc.tuple(fc.nat(), fc.constantFrom(...'"[]{},:\\0a \u0000'.split('')));
    fc.assert(
      fc.property(anyArgs, options, fc.array(change, { minLength: 1, maxLength: 3 }), (args, opts, changes) => {
        const message = encodeBroadcast(args, opts, undefined, false);
        const data = message.data.split('');
        for (const [at, character] of changes) data[at % data.length] = character;
        use(sent({ ...message, data: data.join('') }));
      }),
      { numRuns: 500 },
    );
  });

  it('sends no client what it takes for the place of an attachment', () => {
    const raw = {
      opts: { rooms: [] },
      packet: { type: 2, data: ['event', { _placeholder: true, num: 9 }, Buffer.from('x')] },
    };
    const entry = received([
      'uid',
      'x',
      'nsp',
      '/',
      'type',
      '3',
      'data',
      Buffer.from(encodeMessagePack(raw)).toString('base64'),
    ]);
    expect(() => payloadOf(only(entry))).toThrow(/attachment/);
  });
});
