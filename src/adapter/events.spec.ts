import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { containedEvents } from './events.js';

const event = { uid: 'a1', clusterSize: 2 };

describe('containedEvents()', () => {
  it('tells the listeners', () => {
    const events = containedEvents();
    const seen: unknown[] = [];
    events.on('nodeJoined', (joined) => void seen.push(joined));
    expect(events.emit('nodeJoined', event)).toBe(true);
    expect(events.emit('nodeLeft', { ...event, reason: 'left' })).toBe(false);
    expect(seen).toEqual([event]);
  });

  it('makes a warning of what a listener throws, and tells the others, and it the next event, too', async () => {
    const events = containedEvents();
    let calls = 0;
    events.on('nodeJoined', () => {
      calls++;
      throw new RangeError('the listener has a bug');
    });
    const seen: unknown[] = [];
    events.on('nodeJoined', (joined) => void seen.push(joined));
    const warned = once(process, 'warning');
    expect(() => events.emit('nodeJoined', event)).not.toThrow();
    events.emit('nodeJoined', event);
    expect(calls).toBe(2);
    expect(seen).toEqual([event, event]);
    const [warning] = (await warned) as [Error];
    expect(warning).toMatchObject({ name: 'RangeError', message: 'the listener has a bug' });
  });
});
