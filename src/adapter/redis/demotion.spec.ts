import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { noopTelemetry } from '../telemetry-port.js';
import { Connection } from './connection.js';
import type { RedisArgument } from './driver.js';
import type { Link } from './link.js';

const WRITES = ['SET', 'XADD'];

/** Of links that are made, far beyond what is expected. */
const MOST = 1_000;

let master: boolean;
/** Links that were made so far. */
let links: number;
/** Loses the present one. */
let lose: (error: Error) => void;
let connection: Connection;

beforeEach(() => {
  vi.useFakeTimers();
  master = true;
  links = 0;
});

afterEach(() => {
  connection.close();
  vi.useRealTimers();
});

/** To a server that does not tell whether it is a master, as behind a proxy. */
function open(onLost: (error: Error) => void): Promise<Link> {
  links++;
  // without a pause, no timer would ever come
  if (links > MOST) return new Promise(() => undefined);
  lose = onLost;
  const send = ([command]: readonly RedisArgument[]): Promise<unknown> =>
    master || !WRITES.includes(String(command))
      ? Promise.resolve('OK')
      : Promise.reject(new Error("READONLY You can't write against a read only replica."));
  return Promise.resolve({
    address: undefined,
    send,
    sendForBuffers: send,
    subscribe: () => Promise.resolve(),
    unsubscribe: () => Promise.resolve(),
    destroy: () => undefined,
  });
}

/** Sends these as soon as it can. */
function connect(commands: readonly string[]): void {
  connection = new Connection('writer', open, noopTelemetry);
  connection.on('ready', () => {
    for (const command of commands) connection.send([command]).catch(() => undefined);
  });
}

describe('a connection whose server is read-only, and does not say so by itself,', () => {
  it.each([[['XADD']], [['PUBLISH', 'XADD', 'PUBLISH']], [['XADD', 'SET']], [['SET', 'GET', 'XADD']]])(
    'is made anew ever more slowly: %j',
    async (commands) => {
      master = false;
      connect(commands);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(links).toBeGreaterThan(30);
      expect(links).toBeLessThan(75);
    },
  );

  it('is made anew as quickly as before once the server has written something', async () => {
    master = false;
    connect(['SET', 'XADD']);
    await vi.advanceTimersByTimeAsync(60_000);
    master = true;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(connection.state).toBe('ready');
    const before = links;
    lose(new Error('gone'));
    await vi.advanceTimersByTimeAsync(50);
    expect(links).toBe(before + 1);
    expect(connection.state).toBe('ready');
  });
});
