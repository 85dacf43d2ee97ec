import { describe, expect, it } from 'vitest';
import type { StreamKey } from '../options.js';
import { Routing } from './routing.js';

function routing(streamCount: number, streamBy: StreamKey): Routing {
  return new Routing({ streamName: 's', streamCount, streamBy });
}

const ROOMS = Array.from({ length: 200 }, (_, n) => `room-${n}`);

describe('the stream of a message', () => {
  it('is the one of its namespace, whatever its rooms, by default', () => {
    const byNamespace = routing(4, 'namespace');
    const home = byNamespace.streamOf('/chat');
    expect(byNamespace.streams).toEqual(['s-0', 's-1', 's-2', 's-3']);
    expect(byNamespace.streams).toContain(home);
    expect(new Set(ROOMS.map((room) => byNamespace.streamOf('/chat', [room])))).toEqual(new Set([home]));
    expect(byNamespace.streamsOf('/chat')).toEqual([home]);
  });

  it('is the one of its room, where it is for one alone, and of its namespace otherwise', () => {
    const byRoom = routing(4, 'room');
    const home = byRoom.streamOf('/chat');
    expect(byRoom.streamOf('/chat', [])).toBe(home);
    expect(byRoom.streamOf('/chat', ['room-1', 'room-2'])).toBe(home);
    expect(byRoom.streamsOf('/chat')).toEqual(byRoom.streams);
  });

  it.each([2, 3, 5, 8, 16, 31])('spreads rooms about evenly over %d streams, however they are named', (streamCount) => {
    const byRoom = routing(streamCount, 'room');
    const names: Array<(n: number) => string> = [
      (n) => `room-${n}`,
      (n) => `user:${100_000 + 11 * n}`,
      (n) => `chat:${n}:${n}`,
      (n) => `order:${100 * n}`,
      (n) => String(n).replaceAll(/\d/g, '$&$&'),
    ];
    for (const name of names) {
      const streams = Array.from({ length: 4_000 }, (_, n) => byRoom.streamOf('/chat', [name(n)]));
      for (const stream of byRoom.streams) {
        const share = streams.filter((one) => one === stream).length / (4_000 / streamCount);
        expect([name(7), share > 0.6 && share < 1.4]).toEqual([name(7), true]);
      }
    }
  });

  it('is another one for rooms of the same names in another namespace', () => {
    const byRoom = routing(4, 'room');
    const streams = ROOMS.map((room) => byRoom.streamOf('/chat', [room]));
    expect(ROOMS.map((room) => byRoom.streamOf('/b', [room]))).not.toEqual(streams);
  });

  it('is always one that is read', () => {
    const names = Array.from({ length: 500 }, (_, n) => `/namespace-${n}-${'x'.repeat(n % 40)}`);
    for (const streamBy of ['namespace', 'room'] as const) {
      const three = routing(3, streamBy);
      for (const name of names) expect(three.streams).toContain(three.streamOf(name, [name]));
    }
  });

  it('is the only one where there is one', () => {
    expect(routing(1, 'room').streamOf('/chat', ['room'])).toBe('s');
    expect(routing(1, 'room').streamsOf('/chat')).toEqual(['s']);
  });
});
