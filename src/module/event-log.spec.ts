import { Logger } from '@nestjs/common';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { RedisStreamsEvents } from '../adapter/index.js';
import { EVENT_NAMES, logEvent } from './event-log.js';

type Case = {
  [K in keyof RedisStreamsEvents]: [name: K, event: RedisStreamsEvents[K][0], level: string, message: string];
};

const CASES: Array<Case[keyof Case]> = [
  [
    'gap',
    { stream: 'socket.io', from: '1-0', to: '9-0', missed: 7 },
    'error',
    'The stream socket.io no longer held what this node would have read next: at least 7 messages after 1-0 are lost to it, and it reads on ' +
      'from 9-0. Raise `maxLen` or `maxAge` if Redis can be away for longer than the stream reaches back.',
  ],
  [
    'gap',
    { stream: 'socket.io', from: '1-0', to: '9-0', missed: 1 },
    'error',
    'The stream socket.io no longer held what this node would have read next: at least 1 message after 1-0 is lost to ' +
      'it, and it reads on from 9-0. Raise `maxLen` or `maxAge` if Redis can be away for longer than the stream reaches back.',
  ],
  [
    'outboxOverflow',
    { waiting: 1, limit: 'outboxMaxBytes' },
    'error',
    'The outbox is full: 1 message waits for Redis, which is away or slower than what is published, and further ones are dropped. The limit is set by ' +
      '`outboxMaxBytes`.',
  ],
  [
    'outboxOverflow',
    { waiting: 3, limit: 'outboxMaxLen' },
    'error',
    'The outbox is full: 3 messages wait for Redis, which is away or slower than what is published, and further ones are dropped. The limit is set by ' +
      '`outboxMaxLen`.',
  ],
  [
    'streamReset',
    { stream: 'socket.io', position: '5-0' },
    'warn',
    'The stream socket.io was deleted or started anew after this node had read it up to 5-0; it reads on from the new beginning.',
  ],
  [
    'retentionTooShort',
    { stream: 'socket.io', retention: 30_000, maxDisconnectionDuration: 120_000 },
    'warn',
    'The stream socket.io reaches back 30000 ms, but `maxDisconnectionDuration` of `connectionStateRecovery` is 120000 ms: clients that are ' +
      'away for longer than the stream reaches back may not be recovered. Raise `maxLen`, or set `maxAge` to that duration or more.',
  ],
  ['nodeJoined', { uid: 'a1', clusterSize: 2 }, 'log', 'Node a1 joined; the cluster has 2 nodes.'],
  ['nodeLeft', { uid: 'a1', reason: 'left', clusterSize: 1 }, 'log', 'Node a1 left; the cluster has 1 node.'],
  [
    'nodeLeft',
    { uid: 'a1', reason: 'lost', clusterSize: 2 },
    'warn',
    'Node a1 has gone silent and is taken for lost; the cluster has 2 nodes.',
  ],
  [
    'nodeMismatch',
    { reason: 'Option `streamCount` is 1, but 2 on node a of the cluster.', count: 3 },
    'warn',
    'A node is about that does not fit in with this one: Option `streamCount` is 1, but 2 on node a of the cluster.',
  ],
  [
    'connectionLost',
    { role: 'reader', error: new Error('read ECONNRESET') },
    'warn',
    "The reader's connection to Redis was lost: read ECONNRESET. It is being restored.",
  ],
  [
    'connectionLost',
    { role: 'writer', error: undefined },
    'warn',
    "The writer's connection to Redis was lost. It is being restored.",
  ],
  ['connectionReady', { role: 'reader', first: true }, 'debug', "The reader's connection to Redis is ready."],
  ['connectionReady', { role: 'reader', first: false }, 'log', "The reader's connection to Redis is restored."],
  [
    'commandRefused',
    { command: 'XADD', reason: "OOM command not allowed when used memory > 'maxmemory'.", count: 1 },
    'warn',
    "Redis refuses XADD: OOM command not allowed when used memory > 'maxmemory'. What is published waits in the outbox until it accepts it again.",
  ],
  ...(['XREAD', 'XINFO'] as const).map((command): Case['commandRefused'] => [
    'commandRefused',
    { command, reason: 'NOPERM this user has no permissions', count: 3 },
    'warn',
    `Redis refuses ${command}: NOPERM this user has no permissions. Nothing that other nodes publish reaches this one until it accepts it again.`,
  ]),
  ...(['PUBLISH', 'SPUBLISH'] as const).map((command): Case['commandRefused'] => [
    'commandRefused',
    { command, reason: 'NOPERM this user has no permissions', count: 1 },
    'warn',
    `Redis refuses ${command}: NOPERM this user has no permissions. The other nodes take this one for lost, and get no answers from it, until it accepts it again.`,
  ]),
  [
    'messageDropped',
    { reason: 'malformed message on a channel', count: 4 },
    'warn',
    '4 messages could not be used: malformed message on a channel. Skipped.',
  ],
  [
    'sessionNotSaved',
    { reason: "namespace '/': `socket.data` cannot be written.", count: 1 },
    'warn',
    "A client will start afresh, as the session could not be saved: namespace '/': `socket.data` cannot be written.",
  ],
  [
    'sessionNotSaved',
    { reason: "namespace '/': `socket.data` cannot be written.", count: 3 },
    'warn',
    "3 clients will start afresh, as the session could not be saved: namespace '/': `socket.data` cannot be written.",
  ],
];

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the log', () => {
  it.each(CASES)('tells %s %o as %s', (name, event, level, message) => {
    const lines: string[][] = [];
    for (const method of ['debug', 'log', 'warn', 'error'] as const) {
      vi.spyOn(Logger.prototype, method).mockImplementation((line: string) => void lines.push([method, line]));
    }
    logEvent(new Logger('test'), '', name, event);
    expect(lines).toEqual([[level, message]]);
  });

  it('tells every event there is', () => {
    expect(new Set(CASES.map(([name]) => name))).toEqual(new Set(EVENT_NAMES));
  });

  it('says which server it is about', () => {
    const log = vi.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
    logEvent(new Logger('test'), 'path /admin', 'nodeJoined', { uid: 'a1', clusterSize: 2 });
    expect(log).toHaveBeenCalledWith('Node a1 joined; the cluster has 2 nodes. (path /admin)');
  });
});
