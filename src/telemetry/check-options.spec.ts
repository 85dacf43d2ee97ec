import { expect, test } from 'vitest';
import { createTelemetry } from './index.js';

test.each([
  [
    { heartbeatSpan: false },
    'Unknown option `telemetry.heartbeatSpan`. Known options of telemetry: tracerProvider, meterProvider, heartbeatSpans, ' +
      'suppressRedisSpans, attributes.',
  ],
  [{ heartbeatSpans: 'no' }, 'Option `telemetry.heartbeatSpans` must be `true` or `false`, but is of type string.'],
  [
    { suppressRedisSpans: 0 },
    'Option `telemetry.suppressRedisSpans` must be `true` or `false`, but is of type number.',
  ],
  [
    { tracerProvider: {} },
    'Option `telemetry.tracerProvider` must be a provider of OpenTelemetry, with a method getTracer(), but is of type object.',
  ],
  [
    { meterProvider: null },
    'Option `telemetry.meterProvider` must be a provider of OpenTelemetry, with a method getMeter(), but is of type null.',
  ],
  [{ attributes: {} }, 'Option `telemetry.attributes` must be a function, but is of type object.'],
])('options that cannot work are refused: %o', (options, message) => {
  expect(() => createTelemetry(options as never)).toThrow(new TypeError(message));
});

test('an option that is undefined has its default', () => {
  expect(() => createTelemetry({ heartbeatSpans: undefined } as never)).not.toThrow();
});
