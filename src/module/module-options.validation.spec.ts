import * as ioredis5 from 'ioredis';
import * as ioredis6 from 'ioredis6';
import * as redis6 from 'redis';
import * as redis5 from 'redis5';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../adapter/errors.js';
import type { RedisClient } from '../adapter/index.js';
import type { RedisStreamsModuleOptions } from './module-options.js';
import { validateModuleExtras, validateModuleOptions } from './module-options.validation.js';

function messageFor(options: unknown): string {
  try {
    validateModuleOptions(options as RedisStreamsModuleOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionError);
    return (error as Error).message;
  }
  throw new Error('The options were accepted.');
}

describe('options of the module', () => {
  it('are all optional', () => {
    expect(validateModuleOptions({})).toEqual({});
  });

  it('are split into those of the adapter and those of the module', () => {
    const options: RedisStreamsModuleOptions = {
      url: 'redis://localhost',
      redis: { name: 'chat' },
      serverOptions: { cors: { origin: '*' } },
      scope: 'chat',
      telemetry: false,
      maxLen: 5_000,
      streamName: 'chat',
    };
    expect(validateModuleOptions(options)).toEqual({ maxLen: 5_000, streamName: 'chat' });
  });

  it.each<[string, () => RedisClient]>([
    ['createClient() of redis 6', () => redis6.createClient()],
    ['createClientPool() of redis 6', () => redis6.createClientPool()],
    ['createCluster() of redis 6', () => redis6.createCluster({ rootNodes: [] })],
    ['createSentinel() of redis 6', () => redis6.createSentinel({ name: 'main', sentinelRootNodes: [] })],
    ['createClient() of redis 5', () => redis5.createClient()],
    ['createClientPool() of redis 5', () => redis5.createClientPool()],
    ['createCluster() of redis 5', () => redis5.createCluster({ rootNodes: [] })],
    ['createSentinel() of redis 5', () => redis5.createSentinel({ name: 'main', sentinelRootNodes: [] })],
    ['Redis of ioredis 5', () => new ioredis5.Redis({ lazyConnect: true })],
    ['Cluster of ioredis 5', () => new ioredis5.Cluster([{}], { lazyConnect: true })],
    ['Redis of ioredis 6', () => new ioredis6.Redis({ lazyConnect: true })],
    ['Cluster of ioredis 6', () => new ioredis6.Cluster([{}], { lazyConnect: true })],
  ])('may hold a client: %s', (_name, make) => {
    expect(validateModuleOptions({ client: make() })).toEqual({});
  });

  it.each([
    [{ maxLenn: 1 }, 'Unknown option `maxLenn`. Did you mean `maxLen`?'],
    [{ serverOption: {} }, 'Unknown option `serverOption`. Did you mean `serverOptions`?'],
    [{ urls: 'x' }, 'Unknown option `urls`. Did you mean `url`?'],
    [{ maxLen: 0 }, 'Option `maxLen` must be a whole number, 1 or above, but is 0.'],
    [{ url: 6379 }, 'Option `url` must be a string, but is 6379.'],
    [
      { client: {} },
      'Option `client` must be a client of Redis, for example what createClient() of the package `redis` returns, but is an object.',
    ],
    [
      { redis: [] },
      'Option `redis` must be an object with options for createClient() of the package `redis`, but is an array.',
    ],
    [
      { serverOptions: true },
      'Option `serverOptions` must be an object with options for the Socket.IO server, but is true.',
    ],
    [{ drainTimeout: -1 }, 'Option `drainTimeout` must be a whole number of milliseconds, 0 or above, but is -1.'],
    [{ scope: 3 }, 'Option `scope` must be a string or a function, but is 3.'],
    [
      { telemetry: true },
      'Option `telemetry` must be `false` or an object with options for createTelemetry(), but is true.',
    ],
    [
      { telemetry: { heartbeatSpans: 1 } },
      'Option `telemetry.heartbeatSpans` must be `true` or `false`, but is of type number.',
    ],
    [
      { client: redis6.createClient(), url: 'redis://localhost' },
      'Options `client` and `url` cannot both be given: a client knows its Redis already. Keep one of them.',
    ],
    [
      { client: redis6.createClient(), redis: {} },
      'Options `client` and `redis` cannot both be given: a client knows its Redis already. Keep one of them.',
    ],
    [
      { url: 'redis://localhost', redis: { url: 'redis://localhost' } },
      'Options `url` and `redis.url` cannot both be given. Keep one of them.',
    ],
    [
      { serverOptions: { adapter: () => undefined } },
      'Option `serverOptions.adapter` cannot be given: the adapter is what this package installs.',
    ],
    [
      { serverOptions: { namespace: '/chat' } },
      'Option `serverOptions.namespace` cannot be given: the namespace belongs in the decorator of its gateway.',
    ],
    [
      { isGlobal: false },
      'Option `isGlobal` comes too late: give it to forRootAsync() itself, beside useFactory, useClass or useExisting.',
    ],
    [
      undefined,
      'The options of RedisStreamsModule must be an object, but are undefined. ' +
        'Make sure that the factory given to forRootAsync() returns them.',
    ],
  ])('are refused with a sentence: %o', (options, message) => {
    expect(messageFor(options)).toBe(message);
  });

  it('never show a string that stands where an object belongs: it may be a URL with a password', () => {
    const url = 'redis://user:secret@localhost:6379';
    for (const options of [url, { client: url }, { redis: url }, { serverOptions: url }, { telemetry: url }]) {
      expect(messageFor(options)).not.toContain('secret');
    }
  });

  it('name the option in the error', () => {
    expect(() => validateModuleOptions({ heartbeatInterval: -1 })).toThrow(
      expect.objectContaining({ option: 'heartbeatInterval' }),
    );
  });
});

describe('what forRoot and forRootAsync check at once', () => {
  it.each([
    [{ name: '' }, "Option `name` must be a string that is not empty, but is ''."],
    [{ name: 5 }, 'Option `name` must be a string that is not empty, but is 5.'],
    [{ isGlobal: 'no' }, "Option `isGlobal` must be `true` or `false`, but is 'no'."],
  ])('refuses %o', (extras, message) => {
    expect(() => validateModuleExtras(extras as object)).toThrow(message);
  });

  it('accepts a name and a scope of visibility, or neither', () => {
    expect(() => validateModuleExtras({})).not.toThrow();
    expect(() => validateModuleExtras({ name: 'chat', isGlobal: false })).not.toThrow();
  });
});
