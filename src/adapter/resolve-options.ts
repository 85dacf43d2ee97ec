import { InvalidOptionError } from './errors.js';
import type { RedisStreamsAdapterOptions, ResolvedOptions } from './options.js';
import { noopTelemetry } from './telemetry-port.js';
import { LONGEST_TIMER } from './timers.js';

type Check = (value: unknown) => string | undefined;

const text: Check = (value) => (typeof value === 'string' && value !== '' ? undefined : 'a string that is not empty');
const flag: Check = (value) => (typeof value === 'boolean' ? undefined : '`true` or `false`');
const whole =
  (least: number, most = Number.MAX_SAFE_INTEGER): Check =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
      ? undefined
      : most === Number.MAX_SAFE_INTEGER
        ? `a whole number, ${least} or above`
        : `a whole number from ${least} to ${most}`;
const oneOf =
  (...allowed: string[]): Check =>
  (value) =>
    allowed.includes(value as string) ? undefined : allowed.map((one) => `'${one}'`).join(' or ');

const milliseconds = (least: number): Check => whole(least, LONGEST_TIMER);

/** Where nothing else says what is to be kept. */
const MAX_LEN = 10_000;

const OPTIONS: { [K in keyof Required<RedisStreamsAdapterOptions>]: { default: ResolvedOptions[K]; check: Check } } = {
  keyPrefix: { default: '', check: (value) => (typeof value === 'string' ? undefined : 'a string') },
  streamName: { default: 'socket.io', check: text },
  streamCount: { default: 1, check: whole(1, 1024) },
  streamBy: { default: 'namespace', check: oneOf('namespace', 'room') },
  channelPrefix: { default: 'socket.io', check: text },
  ephemeral: { default: 'pubsub', check: oneOf('pubsub', 'sharded-pubsub', 'stream') },
  useShardedPubSub: { default: false, check: flag },
  maxLen: { default: undefined, check: whole(1) },
  maxAge: { default: undefined, check: whole(1) },
  readCount: { default: 100, check: whole(1) },
  blockTimeInMs: { default: 5_000, check: milliseconds(1) },
  sessionKeyPrefix: { default: 'sio:session:', check: text },
  heartbeatInterval: { default: 5_000, check: milliseconds(1) },
  heartbeatTimeout: { default: 10_000, check: milliseconds(1) },
  onlyPlaintext: { default: false, check: flag },
  scope: { default: undefined, check: (value) => (typeof value === 'string' ? undefined : 'a string') },
  interop: { default: false, check: flag },
  sessions: { default: 'on-disconnect', check: oneOf('on-disconnect', 'crash-safe') },
  requestTimeout: { default: 5_000, check: milliseconds(1) },
  redactHandshake: {
    default: false,
    check: (value) =>
      typeof value === 'boolean' || typeof value === 'function' ? undefined : '`true`, `false` or a function',
  },
  readyTimeout: { default: 10_000, check: milliseconds(1) },
  shutdownTimeout: { default: 5_000, check: milliseconds(0) },
  restoreTimeout: { default: 10_000, check: milliseconds(1) },
  outboxMaxLen: { default: 100_000, check: whole(1) },
  outboxMaxBytes: { default: 67_108_864, check: whole(1_024) },
  recentMaxBytes: { default: 16_777_216, check: whole(0) },
  telemetry: {
    default: noopTelemetry,
    check: (value) =>
      typeof (value as { publish?: unknown } | null)?.publish === 'function'
        ? undefined
        : 'what createTelemetry() returns',
  },
};

/** Names of the options of the adapter. */
export const ADAPTER_OPTION_NAMES = Object.keys(OPTIONS) as ReadonlyArray<keyof RedisStreamsAdapterOptions>;

/**
 * Fills in the defaults and checks every option.
 *
 * @throws {InvalidOptionError} naming the option, its value and what is allowed.
 */
export function resolveOptions(options: RedisStreamsAdapterOptions = {}): ResolvedOptions {
  const resolved: Record<string, unknown> = {};
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(OPTIONS, name)) {
      const known = closest(name);
      throw new InvalidOptionError(
        `Unknown option \`${name}\`.${known ? ` Did you mean \`${known}\`?` : ` Known options: ${ADAPTER_OPTION_NAMES.join(', ')}.`}`,
        name,
      );
    }
  }
  for (const name of ADAPTER_OPTION_NAMES) {
    const value = options[name];
    if (value === undefined) {
      resolved[name] = OPTIONS[name].default;
      continue;
    }
    const expected = OPTIONS[name].check(value);
    if (expected !== undefined) {
      throw new InvalidOptionError(`Option \`${name}\` must be ${expected}, but is ${show(value)}.`, name);
    }
    resolved[name] = value;
  }
  const result = resolved as ResolvedOptions;
  resolveEphemeral(options, result);
  if (result.streamBy === 'room' && result.interop) {
    throw new InvalidOptionError(
      "Option `streamBy` must be 'namespace' with `interop`, but is 'room': nodes of @socket.io/redis-streams-adapter have all of a " +
        'namespace in one stream.',
      'streamBy',
    );
  }
  for (const name of ['streamName', 'channelPrefix', 'sessionKeyPrefix'] as const) {
    result[name] = result.keyPrefix + result[name];
  }
  if (result.maxAge === undefined) result.maxLen ??= MAX_LEN;
  if (result.heartbeatTimeout <= result.heartbeatInterval) {
    throw new InvalidOptionError(
      `Option \`heartbeatTimeout\` must be above \`heartbeatInterval\` (${result.heartbeatInterval} ms), but is ${result.heartbeatTimeout} ms: ` +
        'every node would be taken for lost between two of its heartbeats.',
      'heartbeatTimeout',
    );
  }
  return result;
}

/** `useShardedPubSub` is what `ephemeral: 'sharded-pubsub'` is called in the peer package. */
function resolveEphemeral({ ephemeral, useShardedPubSub }: RedisStreamsAdapterOptions, result: ResolvedOptions): void {
  if (ephemeral === undefined && useShardedPubSub) result.ephemeral = 'sharded-pubsub';
  const sharded = result.ephemeral === 'sharded-pubsub';
  if (useShardedPubSub !== undefined && useShardedPubSub !== sharded) {
    throw new InvalidOptionError(
      `Option \`ephemeral\` is '${result.ephemeral}', but \`useShardedPubSub\` is ${useShardedPubSub}, which ` +
        `${useShardedPubSub ? 'means' : 'rules out'} 'sharded-pubsub'. Give one of the two.`,
      'ephemeral',
    );
  }
  result.useShardedPubSub = sharded;
  if (result.ephemeral === 'stream' && result.interop) {
    throw new InvalidOptionError(
      "Option `ephemeral` must be 'pubsub' or 'sharded-pubsub' with `interop`, but is 'stream': nodes of " +
        '@socket.io/redis-streams-adapter ask and answer over channels alone.',
      'ephemeral',
    );
  }
}

/** A value as it may stand in an error message. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return String(value);
}

/** The known option that `name` is probably a misspelling of. */
export function closest(name: string, known: readonly string[] = ADAPTER_OPTION_NAMES): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.max(2, Math.floor(name.length / 3)) ? best.candidate : undefined;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}
