import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from './errors.js';
import type { RedisStreamsAdapterOptions } from './options.js';
import { ADAPTER_OPTION_NAMES, closest, resolveOptions, show } from './resolve-options.js';
import { noopTelemetry } from './telemetry-port.js';

const text = 'a string that is not empty';
const flag = '`true` or `false`';
const natural = 'a whole number, 1 or above';
const duration = 'a whole number from 1 to 2147483647';

/** What each option has to be, values that it takes, and values that it refuses. */
const OPTIONS: Record<keyof RedisStreamsAdapterOptions, { expected: string; good: unknown[]; bad: unknown[] }> = {
  keyPrefix: { expected: 'a string', good: ['', 'tenant:'], bad: [null, 1, true] },
  streamName: { expected: text, good: ['chat'], bad: ['', 1, null, true] },
  streamCount: { expected: 'a whole number from 1 to 1024', good: [1, 1024], bad: [0, 1025, 1.5, '2', null] },
  streamBy: { expected: "'namespace' or 'room'", good: ['namespace', 'room'], bad: ['socket', '', true, null] },
  channelPrefix: { expected: text, good: ['chat'], bad: ['', {}] },
  ephemeral: {
    expected: "'pubsub' or 'sharded-pubsub' or 'stream'",
    good: ['pubsub', 'sharded-pubsub', 'stream'],
    bad: ['', 'channels', true, null],
  },
  useShardedPubSub: { expected: flag, good: [true, false], bad: ['true', 1, null] },
  maxLen: { expected: natural, good: [1, 1e9], bad: [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '10'] },
  maxAge: { expected: natural, good: [1, 86_400_000], bad: [0, -1, 0.5, Number.POSITIVE_INFINITY, '1h', null] },
  readCount: { expected: natural, good: [1], bad: [0, null] },
  blockTimeInMs: { expected: duration, good: [1, 2_147_483_647], bad: [0, 2_147_483_648, '5s'] },
  sessionKeyPrefix: { expected: text, good: ['chat:'], bad: ['', 5] },
  heartbeatInterval: { expected: duration, good: [1, 9_999], bad: [0, -1] },
  heartbeatTimeout: { expected: duration, good: [5_001], bad: [0, 1e12] },
  onlyPlaintext: { expected: flag, good: [true, false], bad: [0] },
  scope: { expected: 'a string', good: ['', '/chat'], bad: [1, null, false] },
  interop: { expected: flag, good: [true, false], bad: ['yes'] },
  sessions: {
    expected: "'on-disconnect' or 'crash-safe'",
    good: ['on-disconnect', 'crash-safe'],
    bad: ['always', true, null],
  },
  requestTimeout: { expected: duration, good: [1], bad: [0] },
  redactHandshake: { expected: '`true`, `false` or a function', good: [true, false, () => ({})], bad: ['all', null] },
  readyTimeout: { expected: duration, good: [1], bad: [0] },
  shutdownTimeout: { expected: 'a whole number from 0 to 2147483647', good: [0, 1], bad: [-1, '1'] },
  restoreTimeout: { expected: duration, good: [1], bad: [0] },
  outboxMaxLen: { expected: natural, good: [1], bad: [0] },
  outboxMaxBytes: { expected: 'a whole number, 1024 or above', good: [1_024], bad: [1_023, 0] },
  recentMaxBytes: { expected: 'a whole number, 0 or above', good: [0, 1], bad: [-1, 0.5] },
  telemetry: { expected: 'what createTelemetry() returns', good: [noopTelemetry], bad: [{}, null, true, () => 1] },
};

/** Values as they stand in a message. */
const SHOWN: Array<[unknown, string]> = [
  ['', "''"],
  ['true', "'true'"],
  [0, '0'],
  [1.5, '1.5'],
  [Number.NaN, 'NaN'],
  [null, 'null'],
  [true, 'true'],
  [{}, 'an object'],
  [[], 'an array'],
  [() => 1, 'a function'],
];

function resolve(options: object): ReturnType<typeof resolveOptions> {
  return resolveOptions(options as RedisStreamsAdapterOptions);
}

describe('resolveOptions()', () => {
  it('fills in the documented defaults', () => {
    const { telemetry, ...defaults } = resolveOptions();
    expect(telemetry).toBe(noopTelemetry);
    expect(defaults).toEqual({
      keyPrefix: '',
      streamName: 'socket.io',
      streamCount: 1,
      streamBy: 'namespace',
      channelPrefix: 'socket.io',
      ephemeral: 'pubsub',
      useShardedPubSub: false,
      maxLen: 10_000,
      maxAge: undefined,
      readCount: 100,
      blockTimeInMs: 5_000,
      sessionKeyPrefix: 'sio:session:',
      heartbeatInterval: 5_000,
      heartbeatTimeout: 10_000,
      onlyPlaintext: false,
      scope: undefined,
      interop: false,
      sessions: 'on-disconnect',
      requestTimeout: 5_000,
      redactHandshake: false,
      readyTimeout: 10_000,
      shutdownTimeout: 5_000,
      restoreTimeout: 10_000,
      outboxMaxLen: 100_000,
      outboxMaxBytes: 67_108_864,
      recentMaxBytes: 16_777_216,
    });
    expect(Object.keys(resolveOptions()).sort()).toEqual([...ADAPTER_OPTION_NAMES].sort());
  });

  it('takes an option that is undefined for one that is not there', () => {
    expect(resolve(Object.fromEntries(ADAPTER_OPTION_NAMES.map((name) => [name, undefined])))).toEqual(
      resolveOptions(),
    );
  });

  it.each(Object.entries(OPTIONS))(
    'takes for `%s` only what it can work with, and says what that is',
    (name, option) => {
      for (const value of option.good) {
        // what makes sense together with it
        const others = name === 'heartbeatInterval' ? { heartbeatTimeout: 10_000 } : {};
        expect(resolve({ ...others, [name]: value })).toMatchObject({ [name]: value });
      }
      for (const value of option.bad) {
        let thrown: unknown;
        try {
          resolve({ [name]: value });
        } catch (error) {
          thrown = error;
        }
        expect(thrown, show(value)).toBeInstanceOf(InvalidOptionError);
        expect(thrown).toMatchObject({
          name: 'InvalidOptionError',
          option: name,
          message: `Option \`${name}\` must be ${option.expected}, but is ${show(value)}.`,
        });
      }
    },
  );

  it('wants heartbeats to be more frequent than what counts as silence', () => {
    for (const options of [{ heartbeatInterval: 10_000 }, { heartbeatInterval: 20_000 }, { heartbeatTimeout: 5_000 }]) {
      expect(() => resolveOptions(options)).toThrow(InvalidOptionError);
    }
    expect(() => resolveOptions({ heartbeatInterval: 20_000 })).toThrow(
      'Option `heartbeatTimeout` must be above `heartbeatInterval` (20000 ms), but is 10000 ms: ' +
        'every node would be taken for lost between two of its heartbeats.',
    );
  });

  it('puts the prefix in front of all names', () => {
    expect(resolveOptions({ keyPrefix: 'tenant:' })).toMatchObject({
      streamName: 'tenant:socket.io',
      channelPrefix: 'tenant:socket.io',
      sessionKeyPrefix: 'tenant:sio:session:',
    });
    expect(resolveOptions({ keyPrefix: 'tenant:', streamName: 'chat' })).toMatchObject({ streamName: 'tenant:chat' });
  });

  it('takes `useShardedPubSub` for what it is called elsewhere', () => {
    const sharded = { ephemeral: 'sharded-pubsub', useShardedPubSub: true } as const;
    expect(resolveOptions({ useShardedPubSub: true })).toMatchObject(sharded);
    expect(resolveOptions({ ephemeral: 'sharded-pubsub' })).toMatchObject(sharded);
    expect(resolveOptions(sharded)).toMatchObject(sharded);
    expect(resolveOptions({ ephemeral: 'stream' })).toMatchObject({ useShardedPubSub: false });
    expect(() => resolveOptions({ ephemeral: 'stream', useShardedPubSub: true })).toThrow(
      "Option `ephemeral` is 'stream', but `useShardedPubSub` is true, which means 'sharded-pubsub'. Give one of the two.",
    );
    expect(() => resolveOptions({ ephemeral: 'sharded-pubsub', useShardedPubSub: false })).toThrow(
      "Option `ephemeral` is 'sharded-pubsub', but `useShardedPubSub` is false, which rules out 'sharded-pubsub'. Give one of the two.",
    );
  });

  it('refuses to do without channels what is done over channels elsewhere', () => {
    expect(() => resolveOptions({ ephemeral: 'stream', interop: true })).toThrow(
      "Option `ephemeral` must be 'pubsub' or 'sharded-pubsub' with `interop`, but is 'stream': nodes of " +
        '@socket.io/redis-streams-adapter ask and answer over channels alone.',
    );
  });

  it('has a stream trimmed by its length, or by the age of its entries, or by both', () => {
    expect(resolveOptions({ maxLen: 500 })).toMatchObject({ maxLen: 500, maxAge: undefined });
    expect(resolveOptions({ maxAge: 60_000 })).toMatchObject({ maxLen: undefined, maxAge: 60_000 });
    expect(resolveOptions({ maxLen: 500, maxAge: 60_000 })).toMatchObject({ maxLen: 500, maxAge: 60_000 });
  });

  it('knows what was probably meant by an option that there is not', () => {
    expect(() => resolve({ streamname: 'x' })).toThrow('Unknown option `streamname`. Did you mean `streamName`?');
    expect(() => resolve({ maxlength: 5 })).toThrow('Unknown option `maxlength`. Did you mean `maxLen`?');
    expect(() => resolve({ hearbeatTimout: 5 })).toThrow(
      'Unknown option `hearbeatTimout`. Did you mean `heartbeatTimeout`?',
    );
    expect(() => resolve({ colour: 'red' })).toThrow(
      `Unknown option \`colour\`. Known options: ${ADAPTER_OPTION_NAMES.join(', ')}.`,
    );
    expect(() => resolve({ toString: 1 })).toThrow('Unknown option `toString`.');
  });

  it('changes nothing of what it is given', () => {
    const options = Object.freeze({ streamName: 'chat', scope: undefined });
    resolve(options);
    expect(options).toEqual({ streamName: 'chat', scope: undefined });
  });
});

describe('show()', () => {
  it.each(SHOWN)('%o', (value, shown) => {
    expect(show(value)).toBe(shown);
  });
});

describe('closest()', () => {
  it('suggests nothing that is too different', () => {
    expect(closest('Streamname', ['streamName', 'streamCount'])).toBe('streamName');
    expect(closest('x', ['streamName'])).toBeUndefined();
    expect(closest('anything', [])).toBeUndefined();
  });
});
