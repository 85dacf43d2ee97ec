import { InvalidOptionError } from '../adapter/errors.js';
import { ADAPTER_OPTION_NAMES, closest, resolveOptions, show } from '../adapter/resolve-options.js';
import type { RedisStreamsAdapterOptions } from '../adapter/options.js';
import { refusalOf } from '../telemetry/check-options.js';
import type { RedisStreamsModuleExtras, RedisStreamsModuleOptions } from './module-options.js';

type ModuleOptionName =
  Exclude<keyof RedisStreamsModuleOptions, keyof RedisStreamsAdapterOptions> | 'scope' | 'telemetry';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const CHECKS: Record<ModuleOptionName, { expected: string; accepts: (value: unknown) => boolean }> = {
  client: {
    expected: 'a client of Redis, for example what createClient() of the package `redis` returns',
    // what of: the adapter looks closer
    accepts: (value) => isObject(value) && (typeof value['sendCommand'] === 'function' || 'isCluster' in value),
  },
  url: { expected: 'a string', accepts: (value) => typeof value === 'string' },
  redis: { expected: 'an object with options for createClient() of the package `redis`', accepts: isObject },
  serverOptions: { expected: 'an object with options for the Socket.IO server', accepts: isObject },
  scope: {
    expected: 'a string or a function',
    accepts: (value) => typeof value === 'string' || typeof value === 'function',
  },
  drainTimeout: {
    expected: 'a whole number of milliseconds, 0 or above',
    accepts: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  },
  telemetry: {
    expected: '`false` or an object with options for createTelemetry()',
    accepts: (value) => value === false || isObject(value),
  },
};

/** Where an object belongs, a string is probably a URL, perhaps with a password in it: it is not shown. */
const describe = (value: unknown): string => (typeof value === 'string' ? 'a string' : show(value));

/** Names of the options that are not the adapter's alone. */
export const MODULE_OPTION_NAMES = Object.keys(CHECKS) as readonly ModuleOptionName[];
const OPTION_NAMES: readonly string[] = [...new Set([...ADAPTER_OPTION_NAMES, ...MODULE_OPTION_NAMES])].sort();

/** Belong to the gateway or to this package; Socket.IO would ignore them, or lose the cluster. */
const NOT_SERVER_OPTIONS: Record<string, string> = {
  adapter: 'the adapter is what this package installs',
  namespace: 'the namespace belongs in the decorator of its gateway',
  server: 'Nest makes the server',
};

/**
 * Checks every option of the module.
 *
 * @returns the options of the adapter among them.
 * @throws {InvalidOptionError} naming the option, its value (but for what may hold a password) and what is allowed.
 */
export function validateModuleOptions(options: RedisStreamsModuleOptions): RedisStreamsAdapterOptions {
  if (!isObject(options)) {
    throw new InvalidOptionError(
      `The options of RedisStreamsModule must be an object, but are ${describe(options)}. ` +
        'Make sure that the factory given to forRootAsync() returns them.',
      'options',
    );
  }
  for (const name of Object.keys(options)) {
    rejectUnknown(name);
  }
  for (const name of MODULE_OPTION_NAMES) {
    const value = options[name];
    if (value !== undefined && !CHECKS[name].accepts(value)) {
      throw new InvalidOptionError(
        `Option \`${name}\` must be ${CHECKS[name].expected}, but is ${describe(value)}.`,
        name,
      );
    }
  }
  const refusal = options.telemetry ? refusalOf(options.telemetry) : undefined;
  if (refusal) throw new InvalidOptionError(refusal.message, refusal.option);
  rejectContradictions(options);
  for (const [name, reason] of Object.entries(NOT_SERVER_OPTIONS)) {
    if (Object.hasOwn(options.serverOptions ?? {}, name)) {
      throw new InvalidOptionError(
        `Option \`serverOptions.${name}\` cannot be given: ${reason}.`,
        `serverOptions.${name}`,
      );
    }
  }
  const adapterOptions = Object.fromEntries(
    Object.entries(options).filter(([name]) => !(MODULE_OPTION_NAMES as readonly string[]).includes(name)),
  ) as RedisStreamsAdapterOptions;
  resolveOptions(adapterOptions);
  return adapterOptions;
}

/**
 * Checks what `forRoot` and `forRootAsync` need at once.
 *
 * @throws {InvalidOptionError} naming the option, its value and what is allowed.
 */
export function validateModuleExtras({ name, isGlobal }: RedisStreamsModuleExtras): void {
  if (name !== undefined && (typeof name !== 'string' || name === '')) {
    throw new InvalidOptionError(`Option \`name\` must be a string that is not empty, but is ${show(name)}.`, 'name');
  }
  if (isGlobal !== undefined && typeof isGlobal !== 'boolean') {
    throw new InvalidOptionError(
      `Option \`isGlobal\` must be \`true\` or \`false\`, but is ${show(isGlobal)}.`,
      'isGlobal',
    );
  }
}

function rejectUnknown(name: string): void {
  if (OPTION_NAMES.includes(name)) return;
  if (name === 'name' || name === 'isGlobal') {
    throw new InvalidOptionError(
      `Option \`${name}\` comes too late: give it to forRootAsync() itself, beside useFactory, useClass or useExisting.`,
      name,
    );
  }
  const known = closest(name, OPTION_NAMES);
  throw new InvalidOptionError(
    `Unknown option \`${name}\`.${known ? ` Did you mean \`${known}\`?` : ` Known options: ${OPTION_NAMES.join(', ')}.`}`,
    name,
  );
}

function rejectContradictions({ client, url, redis }: RedisStreamsModuleOptions): void {
  const second = url !== undefined ? 'url' : redis !== undefined ? 'redis' : undefined;
  if (client !== undefined && second !== undefined) {
    throw new InvalidOptionError(
      `Options \`client\` and \`${second}\` cannot both be given: a client knows its Redis already. Keep one of them.`,
      second,
    );
  }
  if (url !== undefined && redis?.url !== undefined) {
    throw new InvalidOptionError('Options `url` and `redis.url` cannot both be given. Keep one of them.', 'url');
  }
}
