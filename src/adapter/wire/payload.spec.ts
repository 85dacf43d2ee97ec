import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Payload } from './payload.js';

const args = fc
  .tuple(fc.string({ unit: 'binary' }), fc.array(fc.jsonValue()))
  .map(([event, rest]) => JSON.parse(JSON.stringify([event, ...rest])) as unknown[]);

/** The same payload, as values, as text, and as both. */
function variants(values: unknown[]): Payload[] {
  const json = JSON.stringify(values);
  return [Payload.of(values), Payload.ofJson(json), Payload.ofJson(json, values)];
}

/** What is the case however the payload is held. */
function expectArgs(payload: Payload, expected: unknown[]): void {
  if (payload.json !== undefined) expect(payload.json).toBe(JSON.stringify(expected));
  expect(payload.args).toEqual(expected);
}

describe('Payload', () => {
  it('has an offset behind its arguments, as values and as text', () => {
    fc.assert(
      fc.property(args, (values) => {
        for (const payload of variants(values)) expectArgs(payload.withOffset('1-2'), [...values, '1-2']);
      }),
    );
  });

  it('without an offset never ends in a string, which a client would take for one', () => {
    fc.assert(
      fc.property(args, fc.boolean(), (values, withString) => {
        const original = withString ? [...values, 'text'] : values;
        const endsInString = typeof original.at(-1) === 'string';
        for (const payload of variants(original)) {
          expectArgs(payload.withoutOffset(), endsInString ? [...original, null] : original);
        }
      }),
    );
  });

  it.each([
    new Date(0),
    new String('text'),
    { toJSON: () => 'text' },
    Object.assign(() => undefined, { toJSON: () => 'text' }),
  ])('without an offset has something behind what becomes a string on its way: %o', (last) =>
    expectArgs(Payload.of(['event', last]).withoutOffset(), ['event', last, null]),
  );

  it.each([undefined, null, 1, true, ['text'], { key: 'text' }, Buffer.from('text')])(
    'without an offset is left alone where it ends in what is no string: %o',
    (last) => expectArgs(Payload.of(['event', last]).withoutOffset(), ['event', last]),
  );

  it('stays as it is when another is made of it', () => {
    for (const payload of variants(['event', 'text'])) {
      payload.withOffset('1-2');
      payload.withoutOffset();
      expectArgs(payload, ['event', 'text']);
    }
  });

  it('is parsed once, and not before somebody wants the values', () => {
    const broken = Payload.ofJson('["event",');
    expect(broken.withOffset('1-2').json).toContain('1-2');
    const payload = Payload.ofJson('["event",{}]');
    expect(payload.args).toBe(payload.args);
  });
});
