import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { noopTelemetry } from '../telemetry-port.js';
import type { Link } from './link.js';
import { watched } from './watched-link.js';

/** A link whose replies come when they are told to. */
class SilentLink implements Link {
  readonly address = 'localhost:6379';
  destroyed = false;
  readonly #replies: Array<Record<'resolve' | 'reject', (value: never) => void>> = [];

  send = (): Promise<unknown> => this.#owe();
  sendForBuffers = (): Promise<unknown> => this.#owe();
  subscribe = (): Promise<void> => this.#owe();
  unsubscribe = (): Promise<void> => this.#owe();

  destroy(): void {
    this.destroyed = true;
    for (const { reject } of this.#replies.splice(0)) reject(new Error('the connection was closed') as never);
  }

  /** Answers what was sent first. */
  async answer(how: 'resolve' | 'reject' = 'resolve'): Promise<void> {
    this.#replies.shift()![how](undefined as never);
    await vi.advanceTimersByTimeAsync(0);
  }

  #owe(): Promise<never> {
    const reply = new Promise<never>((resolve, reject) => this.#replies.push({ resolve, reject }));
    reply.catch(() => undefined);
    return reply;
  }
}

describe('a link that is watched', () => {
  let inner: SilentLink;
  let link: Link;
  let losses: string[];

  beforeEach(async () => {
    vi.useFakeTimers();
    inner = new SilentLink();
    losses = [];
    const open = watched(() => Promise.resolve(inner), noopTelemetry);
    link = await open(({ message }) => losses.push(message), new AbortController().signal);
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([
    ['a command', () => link.send(['GET', 'key'])],
    ['a command whose reply is to be Buffers', () => link.sendForBuffers(['XRANGE', 'stream', '-', '+'])],
    ['a subscription', () => link.subscribe('channel', () => undefined)],
    ['the end of one', () => link.unsubscribe('channel')],
  ])('is lost when %s is left without a reply for ten seconds', (_title, send) => {
    void send();
    vi.advanceTimersByTime(9_990);
    expect(losses).toEqual([]);
    vi.advanceTimersByTime(20);
    expect(losses).toEqual(['Redis has answered nothing for 10000 ms.']);
    vi.advanceTimersByTime(60_000);
    expect(losses).toHaveLength(1);
  });

  it('is not lost while replies come, however slowly they do, and those that say no are some', async () => {
    for (let n = 0; n < 5; n++) void link.send(['PUBLISH', 'channel', String(n)]);
    for (const reply of ['resolve', 'reject', 'resolve', 'resolve'] as const) {
      vi.advanceTimersByTime(9_000);
      await inner.answer(reply);
    }
    vi.advanceTimersByTime(9_000);
    expect(losses).toEqual([]);
    vi.advanceTimersByTime(2_000);
    expect(losses).toHaveLength(1);
  });

  it('is not lost while no reply is owed, and has no timer then for long', async () => {
    for (let turn = 0; turn < 5; turn++) {
      void link.send(['GET', 'key']);
      await inner.answer();
      vi.advanceTimersByTime(turn * 3_000);
    }
    vi.advanceTimersByTime(60_000);
    expect(losses).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
    void link.send(['GET', 'key']);
    vi.advanceTimersByTime(10_010);
    expect(losses).toHaveLength(1);
  });

  it('is not lost because this process looked late: what has come in meanwhile is read first', async () => {
    void link.send(['GET', 'key']);
    vi.advanceTimersToNextTimer();
    await inner.answer();
    void link.send(['GET', 'key']);
    vi.advanceTimersByTime(9_990);
    expect(losses).toEqual([]);
  });

  it('waits for a command that blocks for as long as it may block besides', async () => {
    const read = (block: string): Promise<unknown> =>
      link.sendForBuffers(['XREAD', 'BLOCK', block, 'STREAMS', 's', '$']);
    void link.send(['XINFO', 'STREAM', 's']);
    vi.advanceTimersByTime(6_000);
    void read('5000');
    vi.advanceTimersByTime(14_990);
    expect(losses).toEqual([]);
    await inner.answer();
    await inner.answer();
    void read('500');
    vi.advanceTimersByTime(10_490);
    expect(losses).toEqual([]);
    vi.advanceTimersByTime(20);
    expect(losses).toHaveLength(1);
  });

  it.each(['0', '2147483647'])('has patience with one that may block for ever (BLOCK %s)', (block) => {
    void link.send(['XREAD', 'BLOCK', block, 'STREAMS', 's', '$']);
    vi.advanceTimersByTime(7 * 24 * 3_600_000);
    expect(losses).toEqual([]);
  });

  it('passes on where it leads to, what is answered and what is refused', async () => {
    expect(link.address).toBe('localhost:6379');
    const [granted, refused] = [link.send(['GET', 'key']), link.send(['GET', 'key'])];
    await inner.answer();
    await inner.answer('reject');
    await expect(granted).resolves.toBe(undefined);
    await expect(refused).rejects.toBe(undefined);
  });

  it('is not watched any more once it is destroyed', async () => {
    const reply = link.send(['GET', 'key']);
    void link.send(['GET', 'key']);
    link.destroy();
    await expect(reply).rejects.toThrow('the connection was closed');
    expect([inner.destroyed, vi.getTimerCount()]).toEqual([true, 0]);
  });
});
