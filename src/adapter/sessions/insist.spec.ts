import { setImmediate as immediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { openConnection, useProxiedRedis } from '../../../test/harness/redis-connections.js';
import { waitFor } from '../../testing/wait-for.js';
import type { RedisConnection } from '../redis/driver.js';
import { insist } from './insist.js';

const own = useProxiedRedis();
let connection: RedisConnection;
let asked: number;

beforeEach(async () => {
  connection = await openConnection(own.proxy.url);
  asked = 0;
});

afterEach(() => connection.close());

function ping(): Promise<unknown> {
  asked++;
  return connection.send(['PING']);
}

function fail(): Promise<never> {
  asked++;
  return Promise.reject(new RangeError(`failure ${asked}`));
}

async function cut(): Promise<void> {
  own.proxy.cut();
  await waitFor(() => connection.state === 'reconnecting', { what: 'the connection to be lost' });
}

const never = new AbortController().signal;

it('asks again when Redis is back', async () => {
  await cut();
  const answer = insist(connection, ping, never);
  await waitFor(() => asked === 1, { what: 'the first attempt' });
  own.proxy.restore();
  expect([await answer, asked]).toEqual(['PONG', 2]);
});

it('asks while Redis is away what does not need it', async () => {
  await cut();
  expect(await insist(connection, () => Promise.resolve('from memory'), never)).toBe('from memory');
});

it('asks again what failed although Redis is there', async () => {
  const answer = insist(connection, () => (asked < 2 ? fail() : ping()), never);
  expect([await answer, asked]).toEqual(['PONG', 3]);
});

it('asks no more after an error that will not pass', async () => {
  const isFinal = (error: unknown): boolean => (error as Error).message === 'failure 2';
  await expect(insist(connection, fail, never, isFinal)).rejects.toThrow('failure 2');
  expect(asked).toBe(2);
});

it('gives up when it is told to, and does not begin any more', async () => {
  await cut();
  const abort = new AbortController();
  const answer = expect(insist(connection, ping, abort.signal)).rejects.toThrow('enough');
  await waitFor(() => asked === 1, { what: 'the first attempt' });
  abort.abort(new Error('enough'));
  await answer;
  await expect(insist(connection, ping, abort.signal)).rejects.toThrow('enough');
  expect(asked).toBe(1);
});

it('gives up at once when it is told to between two attempts', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const abort = new AbortController();
  const answer = expect(insist(connection, fail, abort.signal)).rejects.toThrow('enough');
  await immediate();
  expect([asked, vi.getTimerCount()]).toEqual([1, 1]);
  abort.abort(new Error('enough'));
  await answer;
  expect(asked).toBe(1);
});

it('gives up when the connection is closed for good', async () => {
  await cut();
  const answer = expect(insist(connection, ping, never)).rejects.toThrow(/closed/);
  await waitFor(() => asked === 1, { what: 'the first attempt' });
  connection.close();
  await answer;
  expect(asked).toBe(1);
});
