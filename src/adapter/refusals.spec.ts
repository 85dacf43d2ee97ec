import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { containedEvents, type RedisStreamsEvents } from './events.js';
import { Refusals } from './refusals.js';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

it('what Redis refuses is told at once, of each command and reason, and then once a minute with how often it was', () => {
  const events = containedEvents();
  const told: Array<RedisStreamsEvents['commandRefused'][0]> = [];
  events.on('commandRefused', (event) => told.push(event));
  const refusals = new Refusals(events);
  for (let i = 0; i < 3; i++) {
    refusals.count('XADD', 'NOPERM');
    refusals.count('XREAD', 'NOPERM');
    refusals.count('XREAD', 'LOADING');
  }
  const first = [
    { command: 'XADD', reason: 'NOPERM', count: 1 },
    { command: 'XREAD', reason: 'NOPERM', count: 1 },
    { command: 'XREAD', reason: 'LOADING', count: 1 },
  ];
  expect(told).toEqual(first);
  vi.advanceTimersByTime(60_000);
  expect(told).toEqual([...first, ...first.map((event) => ({ ...event, count: 2 }))]);
  refusals.close();
  expect(vi.getTimerCount()).toBe(0);
});
