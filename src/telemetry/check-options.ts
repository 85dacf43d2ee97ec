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

/** An option that cannot work, and why, for a person. */
export interface Refusal {
  option: string;
  message: string;
}

/** What is wrong with the options; `undefined` when nothing is. */
export function refusalOf(options: TelemetryOptions): Refusal | undefined {
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(CHECKS, name)) continue;
    const option = `telemetry.${name}`;
    return { option, message: `Unknown option \`${option}\`. Known options of telemetry: ${NAMES.join(', ')}.` };
  }
  for (const name of NAMES) {
    const value: unknown = options[name];
    const { expected, accepts } = CHECKS[name];
    if (value === undefined || accepts(value)) continue;
    const option = `telemetry.${name}`;
    return { option, message: `Option \`${option}\` must be ${expected}, but is of type ${typeOf(value)}.` };
  }
  return undefined;
}

function typeOf(value: unknown): string {
  return value === null ? 'null' : typeof value;
}
