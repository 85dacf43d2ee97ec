import { createTraceState, INVALID_SPAN_CONTEXT } from '@opentelemetry/api';
import { describe, expect, test } from 'vitest';
import { readCarrier, writeCarrier } from './carrier.js';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';

describe('a context becomes fields', () => {
  test('sampled or not', () => {
    expect(writeCarrier({ traceId, spanId, traceFlags: 1 })).toEqual({ traceparent: `00-${traceId}-${spanId}-01` });
    expect(writeCarrier({ traceId, spanId, traceFlags: 0 })).toEqual({ traceparent: `00-${traceId}-${spanId}-00` });
  });

  test('with its state, unless that is longer than everyone passes on', () => {
    const state = (value: string): object => ({ traceId, spanId, traceFlags: 1, traceState: createTraceState(value) });
    expect(writeCarrier(state('a=1') as never)?.tracestate).toBe('a=1');
    const long = Array.from({ length: 4 }, (_, index) => `k${index}=${'v'.repeat(200)}`).join(',');
    expect(writeCarrier(state(long) as never)).toEqual({ traceparent: expect.any(String) });
  });

  test('unless there is none', () => {
    expect(writeCarrier(INVALID_SPAN_CONTEXT)).toBeUndefined();
  });
});

describe('fields become a context', () => {
  test('that is remote', () => {
    expect(readCarrier({ traceparent: `00-${traceId}-${spanId}-01` })).toEqual({
      traceId,
      spanId,
      traceFlags: 1,
      isRemote: true,
    });
  });

  test('also those of a later version, which may hold more', () => {
    expect(readCarrier({ traceparent: `cc-${traceId}-${spanId}-01-more` })).toMatchObject({ traceId, spanId });
  });

  test.each([
    ['nothing', undefined],
    ['no traceparent', {}],
    ['a number', { traceparent: 7 }],
    ['other text', { traceparent: 'hello' }],
    ['the version that is none', { traceparent: `ff-${traceId}-${spanId}-01` }],
    ['more than version 00 holds', { traceparent: `00-${traceId}-${spanId}-01-more` }],
    ['no trace', { traceparent: `00-${'0'.repeat(32)}-${spanId}-01` }],
    ['no span', { traceparent: `00-${traceId}-${'0'.repeat(16)}-01` }],
    ['capitals', { traceparent: `00-${traceId.toUpperCase()}-${spanId}-01` }],
    ['a second line', { traceparent: `00-${traceId}-${spanId}-01\n` }],
  ])('unless they hold %s', (_what, carrier) => {
    expect(readCarrier(carrier as never)).toBeUndefined();
  });

  test.each([7, '', 'x'.repeat(10_000)])('without a state that is none: %#', (tracestate) => {
    const context = readCarrier({ traceparent: `00-${traceId}-${spanId}-01`, tracestate: tracestate as string });
    expect(context).toMatchObject({ traceId });
    expect(context).not.toHaveProperty('traceState');
  });
});
