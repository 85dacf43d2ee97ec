import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { MessageType } from 'socket.io-adapter';

/** A room that nobody is in: what is for it may be as valid as it likes. */
const NOBODY = { rooms: ['nobody'], except: [], flags: {} };
const EVERYBODY = { rooms: [], except: [], flags: {} };

const hostileKey = fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', 'length', '');
const hostileText = fc.oneof(
  hostileKey,
  fc.string(),
  fc.constantFrom('NaN', '-1', '1e999', '0x10', '9007199254740993', '\u0000', '\ud800', '*'),
);
const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue(),
  hostileText,
  fc.dictionary(hostileKey, fc.jsonValue()),
  fc.constantFrom(null, [], {}, -1, 1e308, true),
);

/** Data of messages in which one part or several are not what they should be. None of it is a valid message for a client that exists. */
const brokenData: fc.Arbitrary<unknown> = fc.oneof(
  hostileValue,
  fc.record(
    { opts: hostileValue, packet: hostileValue, rooms: hostileValue, requestId: hostileValue },
    { requiredKeys: [] },
  ),
  fc.record(
    {
      opts: fc.constant(NOBODY),
      packet: hostileValue,
      rooms: hostileValue,
      close: hostileValue,
      requestId: hostileValue,
    },
    { requiredKeys: [] },
  ),
  fc.record({
    opts: fc.constant(EVERYBODY),
    packet: fc.record({ type: fc.integer({ min: -1, max: 9 }).filter((type) => type !== 2), data: hostileValue }),
  }),
  fc.record({
    opts: fc.constant(EVERYBODY),
    packet: fc.record({
      type: fc.constant(2),
      data: fc.constantFrom(
        [],
        ['connect'],
        ['disconnect'],
        ['connect_error'],
        ['newListener'],
        [null],
        [{}],
        [[]],
        {},
        'x',
      ),
    }),
  }),
  fc.record({
    opts: fc.record({
      rooms: fc.constant(['nobody']),
      flags: fc.dictionary(
        fc.constantFrom('timeout', 'compress', 'volatile', 'local', 'broadcast', 'binary', '__proto__'),
        hostileValue,
      ),
    }),
    packet: fc.constant({ type: 2, data: ['unheard'] }),
  }),
);

const text = fc.oneof(
  { weight: 4, arbitrary: brokenData.map((data) => JSON.stringify(data)) },
  {
    weight: 2,
    arbitrary: brokenData.map((data) => Buffer.from(encode(data, { ignoreUndefined: true })).toString('base64')),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('base64')) },
  { weight: 1, arbitrary: fc.string({ maxLength: 200 }) },
  // JSON of which the end is missing
  { weight: 1, arbitrary: brokenData.map((data) => JSON.stringify(data).slice(0, -1)) },
);

/** Types of messages, but not that of disconnectSockets(), which would be right to disconnect; and what is no type. */
const type = fc
  .oneof(fc.integer({ min: -2, max: 20 }), hostileText)
  .map(String)
  // however it is written
  .filter((one) => Number(one) !== Number(MessageType.DISCONNECT_SOCKETS));

/** Numbers that a publisher has not come to yet, and does not come to: an entry with the next one would be taken for the real one. */
const forgedNumber = fc.integer({ min: 1_000, max: 1_000_000_000 });

/** A row of an index in which nothing, or something, is not what it should be. */
const indexRow = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constantFrom(0, '/'), fc.constantFrom(3, 4, 5, 7, 8, 9, 10), fc.nat(300), fc.nat(300)),
  },
  { weight: 2, arbitrary: fc.array(hostileValue, { maxLength: 8 }) },
  { weight: 1, arbitrary: hostileValue },
);

/** Several messages in one entry, with an index that may account for the data, or not. */
const together = fc.oneof(
  fc.tuple(fc.array(indexRow, { maxLength: 200 }), text).map(([rows, data]) => ({ msgs: JSON.stringify(rows), data })),
  // each row right, and each message broken
  fc.array(fc.tuple(type, text), { minLength: 1, maxLength: 20 }).map((messages) => ({
    msgs: JSON.stringify(messages.map(([one, data]) => ['/', Number(one) || 3, data.length, Buffer.byteLength(data)])),
    data: messages.map(([, data]) => data).join(''),
  })),
  fc.record({ msgs: hostileText, data: text }),
);

/** Fields of an entry of the stream. `publishers` are those that an attacker may pretend to be. */
export function hostileEntries(publishers: readonly string[]): fc.Arbitrary<Record<string, string>> {
  const publisher = fc.oneof(fc.constantFrom(...publishers, 'emitter', '__proto__'), hostileText);
  return fc
    .oneof(
      {
        weight: 8,
        arbitrary: fc.record(
          {
            uid: publisher,
            nsp: fc.oneof({ weight: 5, arbitrary: fc.constant('/') }, { weight: 1, arbitrary: hostileText }),
            type,
            data: text,
            hdr: fc.oneof(
              fc.tuple(forgedNumber, fc.nat(300)).map((numbers) => numbers.join(' ')),
              fc.tuple(forgedNumber, fc.nat(300), fc.string()).map((parts) => parts.join(' ')),
              hostileText,
            ),
            pub: publisher,
            traceparent: hostileText,
          },
          { requiredKeys: [] },
        ),
      },
      {
        weight: 4,
        arbitrary: fc
          .tuple(publisher, forgedNumber, together)
          .map(([uid, number, fields]) => ({ uid, hdr: `${number} 0`, ...fields })),
      },
      { weight: 1, arbitrary: fc.dictionary(hostileText, fc.string()) },
    )
    .filter((fields) => Object.keys(fields).length > 0);
}

/** What is published on a channel. */
export function hostileMessages(publishers: readonly string[]): fc.Arbitrary<Buffer> {
  const message = fc.record(
    {
      uid: fc.oneof(fc.constantFrom(...publishers), hostileText, hostileValue),
      // a farewell in the name of a node would be a valid one
      type: fc.oneof(
        fc.integer({ min: -2, max: 20 }).filter((n) => n !== MessageType.ADAPTER_CLOSE),
        fc.constantFrom('session_query', 'session_answer'),
        hostileValue,
      ),
      nsp: hostileValue,
      data: fc.oneof(
        hostileValue,
        brokenData,
        fc.record({
          published: fc.array(
            fc.oneof(hostileValue, fc.record({ stream: hostileText, seq: hostileValue, id: hostileText })),
          ),
        }),
        fc.record({ pid: hostileValue, requestId: hostileValue, held: hostileValue }),
        fc.record({ requestId: hostileText, clientCount: hostileValue, packet: hostileValue, sockets: hostileValue }),
      ),
    },
    { requiredKeys: [] },
  );
  return fc.oneof(
    { weight: 4, arbitrary: message.map((value) => Buffer.from(encode(value, { ignoreUndefined: true }))) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 1, arbitrary: hostileText.map((value) => Buffer.from(value)) },
  );
}
