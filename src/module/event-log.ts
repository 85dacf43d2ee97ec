import { Logger } from '@nestjs/common';
import type { RedisStreamsEvents } from '../adapter/index.js';

type Level = 'error' | 'warn' | 'log' | 'debug';
type Entry = readonly [level: Level, message: string];

const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** What a refused command costs. */
const UNTIL_ACCEPTED: Record<RedisStreamsEvents['commandRefused'][0]['command'], string> = {
  XADD: 'What is published waits in the outbox',
  XREAD: 'Nothing that other nodes publish reaches this one',
  XINFO: 'Nothing that other nodes publish reaches this one',
  PUBLISH: 'The other nodes take this one for lost, and get no answers from it,',
  SPUBLISH: 'The other nodes take this one for lost, and get no answers from it,',
};

/** How each event reads in the log. */
const ENTRIES: { [K in keyof RedisStreamsEvents]: (event: RedisStreamsEvents[K][0]) => Entry } = {
  gap: ({ stream, from, to, missed }) => [
    'error',
    `The stream ${stream} no longer held what this node would have read next: at least ${counted(missed, 'message')} after ` +
      `${from} ${missed === 1 ? 'is' : 'are'} lost to it, and it reads on from ${to}. Raise \`maxLen\` or \`maxAge\` if Redis can be away for longer than the stream reaches back.`,
  ],
  outboxOverflow: ({ waiting, limit }) => [
    'error',
    `The outbox is full: ${counted(waiting, 'message waits', 'messages wait')} for Redis, which is away or slower than what is published, and further ones are ` +
      `dropped. The limit is set by \`${limit}\`.`,
  ],
  streamReset: ({ stream, position }) => [
    'warn',
    `The stream ${stream} was deleted or started anew after this node had read it up to ${position}; it reads on from the new beginning.`,
  ],
  retentionTooShort: ({ stream, retention, maxDisconnectionDuration }) => [
    'warn',
    `The stream ${stream} reaches back ${retention} ms, but \`maxDisconnectionDuration\` of \`connectionStateRecovery\` is ${maxDisconnectionDuration} ms: clients that ` +
      'are away for longer than the stream reaches back may not be recovered. Raise `maxLen`, or set `maxAge` to that duration or more.',
  ],
  nodeJoined: ({ uid, clusterSize }) => ['log', `Node ${uid} joined; the cluster has ${counted(clusterSize, 'node')}.`],
  nodeLeft: ({ uid, reason, clusterSize }) =>
    reason === 'left'
      ? ['log', `Node ${uid} left; the cluster has ${counted(clusterSize, 'node')}.`]
      : ['warn', `Node ${uid} has gone silent and is taken for lost; the cluster has ${counted(clusterSize, 'node')}.`],
  nodeMismatch: ({ reason }) => ['warn', `A node is about that does not fit in with this one: ${reason}`],
  connectionLost: ({ role, error }) => [
    'warn',
    `The ${role}'s connection to Redis was lost${error?.message ? `: ${error.message}` : ''}. It is being restored.`,
  ],
  connectionReady: ({ role, first }) =>
    first
      ? ['debug', `The ${role}'s connection to Redis is ready.`]
      : ['log', `The ${role}'s connection to Redis is restored.`],
  commandRefused: ({ command, reason }) => [
    'warn',
    `Redis refuses ${command}: ${reason.replace(/\.$/, '')}. ${UNTIL_ACCEPTED[command]} until it accepts it again.`,
  ],
  messageDropped: ({ reason, count }) => [
    'warn',
    `${counted(count, 'message', 'messages')} could not be used: ${reason}. Skipped.`,
  ],
  sessionNotSaved: ({ reason, count }) => [
    'warn',
    `${count === 1 ? 'A client' : `${count} clients`} will start afresh, as the session could not be saved: ${reason}`,
  ],
};

/** Names of the events. */
export const EVENT_NAMES = Object.keys(ENTRIES) as ReadonlyArray<keyof RedisStreamsEvents>;

/** Logs an event of the server called `label`; an empty label for the main server. */
export function logEvent<K extends keyof RedisStreamsEvents>(
  logger: Logger,
  label: string,
  name: K,
  event: RedisStreamsEvents[K][0],
): void {
  const [level, message] = ENTRIES[name](event);
  logger[level](label ? `${message} (${label})` : message);
}
