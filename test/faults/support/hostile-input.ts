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

/** Data of messages in which one part or several are not what they should be, and which name no client that exists. */
const forNobody: fc.Arbitrary<unknown> = fc.oneof(
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
);

/** The same, and what is for everybody but cannot be broadcast. None of it is a valid message for a client that exists. */
const brokenData: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: forNobody },
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

/** Data as it is in the stream, or not quite. */
const textOf = (data: fc.Arbitrary<unknown>): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: data.map((one) => JSON.stringify(one)) },
    {
      weight: 2,
      arbitrary: data.map((one) => Buffer.from(encode(one, { ignoreUndefined: true })).toString('base64')),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('base64')) },
    { weight: 1, arbitrary: fc.string({ maxLength: 200 }) },
    // JSON of which the end is missing
    { weight: 1, arbitrary: data.map((one) => JSON.stringify(one).slice(0, -1)) },
  );

const text = textOf(brokenData);

/** Types of messages, but not that of disconnectSockets(); and what is no type. */
const type = fc
  .oneof(fc.integer({ min: -2, max: 20 }), hostileText)
  .map(String)
  // however it is written
  .filter((one) => Number(one) !== Number(MessageType.DISCONNECT_SOCKETS));

/** The type of disconnectSockets(), however it is written. */
const disconnect = fc.constantFrom('6', '0x6', '6.0', ' 6 ', '6e0');

/** A type, and what it comes with. Nothing but the options is needed to disconnect somebody, which would be right with those of everybody. */
const typed = fc.oneof(
  { weight: 9, arbitrary: fc.tuple(type, text) },
  { weight: 1, arbitrary: fc.tuple(disconnect, textOf(forNobody)) },
);

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
  fc.array(typed, { minLength: 1, maxLength: 20 }).map((messages) => ({
    msgs: JSON.stringify(messages.map(([one, data]) => ['/', Number(one) || 3, data.length, Buffer.byteLength(data)])),
    data: messages.map(([, data]) => data).join(''),
  })),
  fc.record({ msgs: hostileText, data: text }),
);

/** Bytes that no character of UTF-8 consists of on its own, and that do not pass for a space before or behind a number. */
const strayByte = fc.constantFrom(0x80, 0xbf, 0xc3, 0xed, 0xf8, 0xff);

/** What becomes of a value that is not text any more. An event that clients refuse may get another name by it, which nobody listens for. */
const spoiled: fc.Arbitrary<(value: string) => Buffer> = fc.oneof(
  // one byte of it
  fc.tuple(strayByte, fc.nat()).map(([byte, at]) => (value: string) => {
    const bytes = Buffer.from(value || '?');
    bytes[at % bytes.length] = byte;
    return bytes;
  }),
  // all of it
  fc.tuple(strayByte, fc.uint8Array({ maxLength: 100 })).map(
    ([first, rest]) =>
      () =>
        Buffer.concat([Buffer.of(first), rest]),
  ),
);

/** Fields of an entry of the stream, one of which may not be text. `publishers` are those that an attacker may pretend to be. */
export function hostileEntries(publishers: readonly string[]): fc.Arbitrary<Record<string, string | Buffer>> {
  const spoil = fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.tuple(fc.nat(), spoiled) },
  );
  return fc.tuple(hostileFields(publishers), spoil).map(([fields, what]) => {
    if (what === undefined) return fields;
    const [which, spoiledFrom] = what;
    const names = Object.keys(fields);
    const name = names[which % names.length]!;
    return { ...fields, [name]: spoiledFrom(fields[name]!) };
  });
}

function hostileFields(publishers: readonly string[]): fc.Arbitrary<Record<string, string>> {
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
      {
        weight: 1,
        arbitrary: fc
          .tuple(publisher, disconnect, textOf(forNobody))
          .map(([uid, one, data]) => ({ uid, nsp: '/', type: one, data })),
      },
      // everybody, where nobody is
      {
        weight: 1,
        arbitrary: fc.tuple(publisher, disconnect, fc.boolean()).map(([uid, one, close]) => ({
          uid,
          nsp: '/nobody',
          type: one,
          data: JSON.stringify({ opts: EVERYBODY, close }),
        })),
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
