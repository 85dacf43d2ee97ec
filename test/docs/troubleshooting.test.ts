import { Logger } from '@nestjs/common';
import { describe, expect, it, vi } from 'vitest';
import type { RedisStreamsEvents } from '../../src/adapter/index.js';
import { EVENT_NAMES, logEvent } from '../../src/module/event-log.js';
import { publicNames } from '../package/public-names.js';
import { read } from './markdown.js';
import { messages, type Message } from './messages.js';

/** The texts that the page explains: what its headings quote. */
const [byText] = read('docs/troubleshooting.md').split('## By the symptom');
const explained = [...byText!.matchAll(/^### (.+)$/gm)].flatMap(([, heading]) =>
  [...heading!.matchAll(/``(.+?)``|`(.+?)`/g)].map(([, double, single]) => (double ?? single)!.trim()),
);

const said = messages();

/** Whether the text of the page, in which `…` stands for anything, is said there. */
function isIn(quoted: string, text: string): boolean {
  const parts = quoted.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(parts.join('.*'), 's').test(text);
}

/** These end a sentence that is explained: what the last attempt to reach Redis met. */
const ATTEMPTS = [
  'The connection to Redis is being made, and takes no commands yet.',
  'No node of the Redis Cluster is known to have slot ….',
];

function concernsPeople({ file, error, text }: Message): boolean {
  if (error === undefined || file.startsWith('testing/') || !/[a-z]{3}/.test(text)) return false;
  const ours = publicNames['.']!.includes(error) || file.startsWith('module/');
  return ours && !ATTEMPTS.includes(text);
}

const sample: RedisStreamsEvents = {
  gap: [{ stream: 'socket.io', from: '1-0', to: '9-0', missed: 7 }],
  outboxOverflow: [{ waiting: 3, limit: 'outboxMaxLen' }],
  streamReset: [{ stream: 'socket.io', position: '5-0' }],
  retentionTooShort: [{ stream: 'socket.io', retention: 1, maxDisconnectionDuration: 2 }],
  nodeJoined: [{ uid: 'a', clusterSize: 2 }],
  nodeLeft: [{ uid: 'a', reason: 'lost', clusterSize: 1 }],
  nodeMismatch: [{ reason: 'odd', count: 1 }],
  connectionLost: [{ role: 'writer', error: new Error('ECONNRESET') }],
  connectionReady: [{ role: 'writer', first: false }],
  commandRefused: [{ command: 'XADD', reason: 'OOM command not allowed.', count: 1 }],
  messageDropped: [{ reason: 'bad', count: 1 }],
  sessionNotSaved: [{ reason: 'bad', count: 1 }],
};

describe('Troubleshooting', () => {
  it.each(explained)('quotes what is really said: %s', (quoted) => {
    expect(said.some(({ text }) => isIn(quoted, text))).toBe(true);
  });

  it('explains every error that is for people', () => {
    const unexplained = said.filter(
      (message) => concernsPeople(message) && !explained.some((quoted) => isIn(quoted, message.text)),
    );
    expect(unexplained).toEqual([]);
  });

  it.each(EVENT_NAMES)('explains what is logged of %s, where it is a warning or an error', (name) => {
    const logger = new Logger();
    const lines = (['error', 'warn'] as const).map((level) => vi.spyOn(logger, level).mockReturnValue());
    for (const level of ['log', 'debug'] as const) vi.spyOn(logger, level).mockReturnValue();
    logEvent(logger, '', name, sample[name][0]);
    const logged = lines.flatMap(({ mock }) => mock.calls.map(([text]) => String(text)));

    expect(logged.filter((text) => !explained.some((quoted) => isIn(quoted, text)))).toEqual([]);
  });
});
