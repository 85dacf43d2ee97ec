import { Logger } from '@nestjs/common';
import type { RedisStreamsEvents } from '../adapter/index.js';

type Level = 'error' | 'warn' | 'log' | 'debug';
type Entry = readonly [level: Level, message: string];

const nodes = (count: number): string => (count === 1 ? '1 node' : `${count} nodes`);

/** How each event reads in the log. */
const ENTRIES: { [K in keyof RedisStreamsEvents]: (event: RedisStreamsEvents[K][0]) => Entry } = {
  gap: ({ stream, from, to, missed }) => [
    'error',
    `The stream ${stream} no longer held what this node would have read next: ${missed ?? 'an unknown number of'} entries after ` +
      `${from} are lost to it, and it reads on from ${to}. Raise \`maxLen\` if Redis can be away for longer than the stream reaches back.`,
  ],
  outboxOverflow: ({ dropped, limit }) => [
    'error',
    `The outbox is full and ${dropped} messages were dropped: Redis is away, or slower than what is published. ` +
      `The limit is set by \`${limit}\`.`,
  ],
  streamReset: ({ stream, position }) => [
    'warn',
    `The stream ${stream} was deleted or started anew; this node reads on from its new beginning, ${position}.`,
  ],
  nodeJoined: ({ uid, clusterSize }) => ['log', `Node ${uid} joined; the cluster has ${nodes(clusterSize)}.`],
  nodeLeft: ({ uid, reason, clusterSize }) =>
    reason === 'left'
      ? ['log', `Node ${uid} left; the cluster has ${nodes(clusterSize)}.`]
      : ['warn', `Node ${uid} has gone silent and is taken for lost; the cluster has ${nodes(clusterSize)}.`],
  connectionLost: ({ role, error }) => [
    'warn',
    `The ${role}'s connection to Redis was lost${error ? `: ${error.message}` : ''}. It is being restored.`,
  ],
  connectionReady: ({ role, first }) =>
    first
      ? ['debug', `The ${role}'s connection to Redis is ready.`]
      : ['log', `The ${role}'s connection to Redis is restored.`],
  messageDropped: ({ reason, count }) => ['warn', `${count} messages could not be used and were skipped: ${reason}.`],
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
