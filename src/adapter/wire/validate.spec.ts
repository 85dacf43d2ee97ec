import { MessageType } from 'socket.io-adapter';
import { describe, expect, it } from 'vitest';
import { MalformedDataError } from '../errors.js';
import { parseArguments, parseData, parseOptions, RESERVED_EVENTS } from './validate.js';

const opts = { rooms: ['a', 5, null], except: [], flags: {} };
const packet = { type: 2, data: ['event'] };

describe('parseData()', () => {
  it.each([
    [MessageType.BROADCAST, { opts, packet }],
    [MessageType.BROADCAST, { opts, packet, requestId: 'r' }],
    [MessageType.SOCKETS_JOIN, { opts, rooms: ['a'] }],
    [MessageType.SOCKETS_LEAVE, { opts, rooms: [] }],
    [MessageType.DISCONNECT_SOCKETS, { opts, close: true }],
    [MessageType.FETCH_SOCKETS, { opts, requestId: 'r' }],
    [MessageType.SERVER_SIDE_EMIT, { packet: ['event', 1] }],
    [MessageType.SERVER_SIDE_EMIT, { packet: ['event'], requestId: 'r' }],
  ])('takes type %d', (type, data) => {
    expect(parseData(type, data)).toEqual({ type, data });
  });

  it('takes only what it knows', () => {
    const raw = {
      opts: { ...opts, flags: { volatile: true, local: true, x: 1 }, x: 1 },
      packet: { ...packet, id: 5, nsp: '/' },
      x: 1,
    };
    expect(parseData(MessageType.BROADCAST, raw)).toEqual({
      type: MessageType.BROADCAST,
      data: { opts: { ...opts, flags: { volatile: true } }, packet },
    });
  });

  it('takes what the peer package leaves out, or sends as null', () => {
    expect(parseData(MessageType.BROADCAST, { opts: { rooms: [] }, packet, requestId: null }).data).toEqual({
      opts: { rooms: [], except: [], flags: {} },
      packet,
    });
    expect(parseData(MessageType.DISCONNECT_SOCKETS, { opts: { rooms: [], flags: null } }).data).toMatchObject({
      close: false,
    });
  });

  it.each([
    [MessageType.BROADCAST, null, '`data` is not an object'],
    [MessageType.BROADCAST, [], '`data` is not an object'],
    [MessageType.BROADCAST, { opts }, '`packet` is not an object'],
    [MessageType.BROADCAST, { packet }, '`opts` is not an object'],
    [MessageType.BROADCAST, { opts, packet: { type: 4, data: ['x'] } }, 'a packet of type 4 cannot be broadcast'],
    [MessageType.BROADCAST, { opts, packet: { type: 2, data: [] } }, '`packet.data` is not an array of arguments'],
    [MessageType.BROADCAST, { opts, packet, requestId: 7 }, '`requestId` is not a string'],
    [MessageType.BROADCAST, { opts: { rooms: 'a' }, packet }, '`opts.rooms` is not an array of rooms'],
    [MessageType.BROADCAST, { opts: { rooms: [{}] }, packet }, '`opts.rooms` is not an array of rooms'],
    [MessageType.BROADCAST, { opts: { rooms: [], except: 1 }, packet }, '`opts.except` is not an array of rooms'],
    [MessageType.BROADCAST, { opts: { rooms: [], flags: [] }, packet }, '`opts.flags` is not an object'],
    [MessageType.SOCKETS_JOIN, { opts }, '`rooms` is not an array of rooms'],
    [MessageType.FETCH_SOCKETS, { opts }, '`requestId` is not a string'],
    [MessageType.FETCH_SOCKETS, { opts, requestId: '' }, '`requestId` is not a string'],
    [MessageType.SERVER_SIDE_EMIT, { packet: [] }, '`packet` is not an array of arguments'],
    [MessageType.SERVER_SIDE_EMIT, { packet: { 0: 'x' } }, '`packet` is not an array of arguments'],
    [MessageType.SERVER_SIDE_EMIT, { packet: [{}] }, '`packet` does not begin with the name of an event'],
    [MessageType.SERVER_SIDE_EMIT, { packet: ['connection', {}] }, '`packet` does not begin with the name of an event'],
    [MessageType.SERVER_SIDE_EMIT, { packet: ['connect'] }, '`packet` does not begin with the name of an event'],
    [MessageType.SERVER_SIDE_EMIT, { packet: ['new_namespace'] }, '`packet` does not begin with the name of an event'],
    [MessageType.HEARTBEAT, {}, 'unknown message type 2'],
    [99, {}, 'unknown message type 99'],
  ])('refuses type %d with %j', (type, data, problem) => {
    expect(() => parseData(type, data)).toThrow(new MalformedDataError(problem));
  });
});

describe('parseOptions()', () => {
  it('takes flags of the right type, and no others', () => {
    const right = {
      volatile: false,
      compress: true,
      timeout: 5,
      expectSingleResponse: true,
      countOnly: true,
      ackId: 0,
    };
    expect(parseOptions({ rooms: [], flags: right }).flags).toEqual(right);
    const wrong = Object.fromEntries(Object.keys(right).map((name) => [name, 'x']));
    expect(parseOptions({ rooms: [], flags: wrong }).flags).toEqual({});
  });
});

describe('parseArguments()', () => {
  it('takes no event that a client refuses', () => {
    expect(parseArguments(['event', 1])).toEqual(['event', 1]);
    expect(parseArguments([5])).toEqual([5]);
    for (const reserved of RESERVED_EVENTS) expect(() => parseArguments([reserved])).toThrow(MalformedDataError);
    for (const name of [null, {}, [], true]) expect(() => parseArguments([name])).toThrow(MalformedDataError);
  });
});
