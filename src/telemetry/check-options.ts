import { InvalidOptionError } from '../adapter/errors.js';
import { closest, show } from '../adapter/resolve-options.js';
import type { TelemetryOptions } from './options.js';

interface Check {
  expected: string;
  accepts: (value: unknown) => boolean;
}

const provider = (method: 'getTracer' | 'getMeter'): Check => ({
  expected: `a provider of OpenTelemetry, with a method ${method}()`,
  accepts: (value) => typeof (value as Record<string, unknown> | null)?.[method] === 'function',
});
const flag: Check = { expected: '`true` or `false`', accepts: (value) => typeof value === 'boolean' };

const CHECKS: Record<keyof TelemetryOptions, Check> = {
  tracerProvider: provider('getTracer'),
  meterProvider: provider('getMeter'),
  heartbeatSpans: flag,
  suppressRedisSpans: flag,
  attributes: { expected: 'a function', accepts: (value) => typeof value === 'function' },
};
const NAMES = Object.keys(CHECKS) as ReadonlyArray<keyof TelemetryOptions>;

/** @throws {InvalidOptionError} naming the option, its value and what is allowed. */
export function checkTelemetryOptions(options: TelemetryOptions): void {
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(CHECKS, name)) continue;
    const known = closest(name, NAMES);
    throw new InvalidOptionError(
      `Unknown option \`telemetry.${name}\`.${known ? ` Did you mean \`${known}\`?` : ` Known options: ${NAMES.join(', ')}.`}`,
      `telemetry.${name}`,
    );
  }
  for (const name of NAMES) {
    const value = options[name];
    if (value === undefined || CHECKS[name].accepts(value)) continue;
    throw new InvalidOptionError(
      `Option \`telemetry.${name}\` must be ${CHECKS[name].expected}, but is ${show(value)}.`,
      `telemetry.${name}`,
    );
  }
}
