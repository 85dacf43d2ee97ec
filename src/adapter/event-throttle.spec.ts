import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EventThrottle } from './event-throttle.js';

const MINUTE = 60_000;

describe('EventThrottle', () => {
  let reports: Array<[reason: string, count: number]>;
  let throttle: EventThrottle;

  beforeEach(() => {
    vi.useFakeTimers();
    reports = [];
    throttle = new EventThrottle((reason, count) => void reports.push([reason, count]));
  });

  afterEach(() => {
    throttle.close();
    vi.useRealTimers();
  });

  function happen(reason: string, times: number): void {
    for (let i = 0; i < times; i++) throttle.count(reason);
  }

  it('reports the first occurrence at once, and the others together after a minute', () => {
    happen('bad entry', 5);
    expect(reports).toEqual([['bad entry', 1]]);
    vi.advanceTimersByTime(MINUTE);
    expect(reports).toEqual([
      ['bad entry', 1],
      ['bad entry', 4],
    ]);
  });

  it('reports what goes on happening once a minute, and never more', () => {
    for (let minute = 0; minute < 5; minute++) {
      happen('bad entry', 10);
      vi.advanceTimersByTime(MINUTE);
    }
    expect(reports.map(([, count]) => count)).toEqual([1, 9, 10, 10, 10, 10]);
  });

  it('reports at once again after a minute of peace', () => {
    happen('bad entry', 1);
    vi.advanceTimersByTime(2 * MINUTE);
    happen('bad entry', 1);
    expect(reports).toEqual([
      ['bad entry', 1],
      ['bad entry', 1],
    ]);
  });

  it('throttles each reason by itself', () => {
    happen('bad entry', 2);
    happen('bad channel message', 2);
    expect(reports.map(([reason]) => reason)).toEqual(['bad entry', 'bad channel message']);
  });

  it('bounds what reasons that come from elsewhere can take', () => {
    for (let i = 0; i < 1_000; i++) throttle.count(`unknown type ${i}`);
    throttle.count('x'.repeat(10_000));
    const further = 'further reasons, too many to be named';
    expect([reports.length, reports.at(-1)]).toEqual([101, [further, 1]]);
    vi.advanceTimersByTime(MINUTE);
    expect([reports.length, reports.at(-1)]).toEqual([102, [further, 900]]);
    vi.advanceTimersByTime(2 * MINUTE);
    throttle.count('x'.repeat(10_000));
    expect(reports.at(-1)).toEqual(['x'.repeat(400), 1]);
  });

  it('reports at its end what it has not reported yet', () => {
    happen('bad entry', 3);
    happen('bad channel message', 1);
    throttle.close();
    expect(reports.slice(2)).toEqual([['bad entry', 2]]);
  });

  it('holds no timer while there is nothing to report, and none after close()', () => {
    expect(vi.getTimerCount()).toBe(0);
    happen('bad entry', 1);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(2 * MINUTE);
    expect(vi.getTimerCount()).toBe(0);
    happen('bad entry', 1);
    throttle.close();
    expect(vi.getTimerCount()).toBe(0);
    happen('what a stop costs', 2);
    expect([reports.at(-1), vi.getTimerCount()]).toEqual([['what a stop costs', 1], 0]);
  });
});
