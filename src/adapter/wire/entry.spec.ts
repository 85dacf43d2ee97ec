import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { positionAt } from '../stream/stream-id.js';
import { pushEntry, readEntry } from './entry.js';
import type { OutgoingMessage, StreamEntry } from './message.js';

const text = fc.string({ unit: 'binary', maxLength: 8 });
const carrier = fc.record({ traceparent: text, tracestate: text }, { requiredKeys: [] });
const message: fc.Arbitrary<OutgoingMessage> = fc.record({
  namespace: fc.oneof(fc.constantFrom('/', '/chat'), text.filter(Boolean)),
  type: fc.integer({ min: 3, max: 10 }),
  data: text,
  optionsLength: fc.nat(100),
  requestId: fc.option(fc.stringMatching(/^\w{1,20}$/), { nil: undefined }),
  carrier: fc.option(carrier, { nil: undefined }),
});

function read(fields: readonly string[]): StreamEntry | undefined {
  return readEntry(
    'stream',
    '5-1',
    fields.map((field) => Buffer.from(field)),
  );
}

describe('an entry of several messages', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 20 }), fc.integer({ min: 1 }), (messages, seq) => {
        const fields: string[] = [];
        pushEntry(fields, { uid: 'emitter', publisher: 'p', seq }, messages);
        const entry = read(fields);

        expect(entry).toMatchObject({ id: '5-1', publisher: 'p', seq });
        expect(
          entry!.messages.map(
            ({ id, uid, namespace, messageType, optionsLength, requestId, carrier: trace, data }) => ({
              id,
              uid,
              namespace,
              messageType,
              optionsLength,
              requestId,
              trace: trace ?? {},
              data: data.toString(),
            }),
          ),
        ).toEqual(
          messages.map(({ namespace, type, optionsLength, requestId, carrier: trace, data }, index) => ({
            id: positionAt('5-1', index, messages.length),
            uid: 'emitter',
            namespace,
            messageType: type,
            optionsLength,
            requestId,
            trace: trace ?? {},
            data,
          })),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('says of a namespace only once that it is the same', () => {
    const fields: string[] = [];
    const one = { namespace: '/', type: 3, data: 'é', optionsLength: 1, requestId: undefined, carrier: undefined };
    pushEntry(fields, { uid: 'n', publisher: 'n', seq: 7 }, [one, { ...one, requestId: 'r' }, one]);
    expect(fields).toEqual(['uid', 'n', 'hdr', '7 0', 'msgs', '[["/",3,1,2],[0,3,1,2,"r"],[0,3,1,2]]', 'data', 'ééé']);
  });

  it.each([
    ['is no JSON', '[["/",3,0,2'],
    ['is no list', '{"0":["/",3,0,2]}'],
    ['is empty', '[]'],
    ['holds no lists', '["/",3,0,2]'],
    ['has no namespace', '[[0,3,0,2]]'],
    ['has an empty namespace', '[["",3,0,2]]'],
    ['has a namespace that is none', '[[{},3,0,2]]'],
    ['has a type that is none', '[["/","3",0,2]]'],
    ['has a negative length', '[["/",3,0,-2],["/",3,0,4]]'],
    ['has a length that is no whole number', '[["/",3,0,0.5],["/",3,0,1.5]]'],
    ['accounts for less than there is', '[["/",3,0,1]]'],
    ['accounts for more than there is', '[["/",3,0,3]]'],
    ['has an id of a request that is none', '[["/",3,0,2,"a b"]]'],
    ['is longer than anyone writes', JSON.stringify(Array(5_000).fill(['/', 3, 0, 0]))],
  ])('is refused when its index %s', (_what, index) => {
    expect(read(['uid', 'n', 'hdr', '1 0', 'msgs', index, 'data', '{}'])).toBeUndefined();
  });

  it.each([
    ['no number', ['uid', 'n', 'msgs', '[["/",3,0,2]]', 'data', '{}']],
    ['no data', ['uid', 'n', 'hdr', '1 0', 'msgs', '[["/",3,0,2]]']],
    ['no node', ['hdr', '1 0', 'msgs', '[["/",3,0,2]]', 'data', '{}']],
  ])('is refused with %s', (_what, fields) => {
    expect(read(fields)).toBeUndefined();
    // the same, with what it lacks, is not
    expect(read([...fields, 'uid', 'n', 'hdr', '1 0', 'data', '{}'])?.messages).toHaveLength(1);
  });

  it('does no harm, whatever its index', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), text), text, (index, data) => {
        const entry = read(['uid', 'n', 'hdr', '1 0', 'msgs', index, 'data', data]);
        for (const one of entry?.messages ?? []) expect(typeof one.namespace).toBe('string');
        expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
  });
});
