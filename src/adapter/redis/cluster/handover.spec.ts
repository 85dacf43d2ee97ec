import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Handover } from './handover.js';

/** What is told of what was published, where the next connection begins at one index, the former ends at another, and they interleave. */
function told(published: readonly string[], begin: number, end: number, order: readonly boolean[]): string[] {
  const queues = { former: published.slice(0, Math.max(begin, end)), next: published.slice(Math.min(begin, end)) };
  const handover = new Handover();
  const messages: string[] = [];
  const take = (from: 'former' | 'next'): void => {
    const message = queues[from].shift();
    if (message !== undefined && handover.take(from, Buffer.from(message))) messages.push(message);
  };
  for (const formerFirst of order) take(formerFirst ? 'former' : 'next');
  while (queues.former.length > 0) take('former');
  while (queues.next.length > 0) take('next');
  return messages.sort();
}

const moments = [fc.nat(30), fc.nat(30), fc.array(fc.boolean(), { maxLength: 60 })] as const;

describe('a handover', () => {
  it('tells each message once, however the two connections interleave', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 30 }), ...moments, (published, ...rest) => {
        expect(told(published, ...rest)).toEqual([...published].sort());
      }),
    );
  });

  it('tells messages of the same bytes as often as they were published while both connections were there', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b'), { maxLength: 30 }), moments[2], (published, order) => {
        expect(told(published, 0, published.length, order)).toEqual([...published].sort());
      }),
    );
  });

  it('tells bytes apart that are no text', () => {
    const handover = new Handover();
    expect(handover.take('former', Buffer.from([0xff]))).toBe(true);
    expect(handover.take('next', Buffer.from([0xfe]))).toBe(true);
    expect(handover.take('next', Buffer.from([0xff]))).toBe(false);
  });
});
