import { describe, expect, it } from 'vitest';
import { decodePositions } from '../stream/positions.js';
import { Payload } from '../wire/payload.js';
import type { MissedMessage } from './missed-packets.js';
import { replay } from './replay.js';

function missed(stream: string, id: string): MissedMessage {
  return { stream, id, payload: Payload.of([stream, id]), compress: undefined };
}

describe('replay()', () => {
  it('gives packets of a single stream their ids for offsets', () => {
    const messages = [missed('s', '1-0.0'), missed('s', '1-0'), missed('s', '2-0')];
    const packets = replay(messages, { streams: ['s'], positions: ['0-0'] });
    expect(packets.map(({ offset }) => offset)).toEqual(['1-0.0', '1-0', '2-0']);
    expect(packets.map(({ payload }) => payload.args.at(-1))).toEqual(['1-0.0', '1-0', '2-0']);
  });

  it('merges several streams by time, and tells with each packet how far the client has come in each of them', () => {
    const messages = [missed('a', '11-0'), missed('a', '14-0'), missed('c', '12-0'), missed('c', '13-0')];
    const packets = replay(messages, { streams: ['a', 'b', 'c'], positions: ['10-0', '20-0', '5-0'] });
    expect(packets.map(({ payload }) => payload.args.slice(0, 2))).toEqual([
      ['a', '11-0'],
      ['c', '12-0'],
      ['c', '13-0'],
      ['a', '14-0'],
    ]);
    expect(packets.map(({ offset }) => decodePositions(offset))).toEqual([
      ['11-0', '20-0', '5-0'],
      ['11-0', '20-0', '12-0'],
      ['11-0', '20-0', '13-0'],
      ['14-0', '20-0', '13-0'],
    ]);
  });

  it('makes one packet for all clients that missed the same from the same offset on, and another for the others', () => {
    const messages = [missed('a', '11-0'), missed('b', '12-0')];
    const streams = ['a', 'b'];
    const [first] = replay(messages, { streams, positions: ['1-0', '1-0'] });
    expect(replay(messages, { streams, positions: ['1-0', '1-0'] })[0]).toBe(first);
    expect(replay(messages, { streams, positions: ['1-0', '2-0'] })[0]).not.toBe(first);
  });
});
