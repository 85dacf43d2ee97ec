import { expect, test } from 'vitest';
import { InvalidOptionError } from '../adapter/errors.js';
import { createTelemetry } from './index.js';

test.each([
  [{ heartbeatSpan: false }, 'Unknown option `telemetry.heartbeatSpan`. Did you mean `heartbeatSpans`?'],
  [
    { spans: true },
    'Unknown option `telemetry.spans`. Known options: tracerProvider, meterProvider, heartbeatSpans, suppressRedisSpans, attributes.',
  ],
  [{ heartbeatSpans: 'no' }, "Option `telemetry.heartbeatSpans` must be `true` or `false`, but is 'no'."],
  [{ suppressRedisSpans: 0 }, 'Option `telemetry.suppressRedisSpans` must be `true` or `false`, but is 0.'],
  [
    { tracerProvider: {} },
    'Option `telemetry.tracerProvider` must be a provider of OpenTelemetry, with a method getTracer(), but is an object.',
  ],
  [
    { meterProvider: null },
    'Option `telemetry.meterProvider` must be a provider of OpenTelemetry, with a method getMeter(), but is null.',
  ],
  [{ attributes: {} }, 'Option `telemetry.attributes` must be a function, but is an object.'],
])('options that cannot work are refused: %o', (options, message) => {
  const create = (): unknown => createTelemetry(options as never);
  expect(create).toThrow(InvalidOptionError);
  expect(create).toThrow(message);
});

test('an option that is undefined has its default', () => {
  expect(() => createTelemetry({ heartbeatSpans: undefined } as never)).not.toThrow();
});
