import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { deadlineSignal } from './deadline.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason), { once: true }));
}

describe('deadlineSignal()', () => {
  it('comes, although nobody holds it and memory is collected meanwhile', async () => {
    const parent = new AbortController();
    const reason = aborted(deadlineSignal(50, 'too late', parent.signal).signal);
    collectGarbage();
    expect(await reason).toMatchObject({ name: 'TimeoutError', message: 'too late' });
  }, 5_000);

  it('comes with its parent, also with one that was aborted before', async () => {
    const parent = new AbortController();
    const { signal } = deadlineSignal(60_000, 'too late', parent.signal);
    const reason = aborted(signal);
    parent.abort('enough');
    expect(await reason).toBe('enough');
    expect(deadlineSignal(60_000, 'too late', parent.signal).signal.reason).toBe('enough');
  });

  it('leaves nothing behind once it is cleared', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const parent = new AbortController();
    const removed = vi.spyOn(parent.signal, 'removeEventListener');
    deadlineSignal(60_000, 'too late', parent.signal).clear();
    expect([vi.getTimerCount(), removed.mock.calls.length]).toEqual([0, 1]);
  });
});
