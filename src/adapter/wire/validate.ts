import { MessageType } from 'socket.io-adapter';
import { MalformedDataError } from '../errors.js';
import { EVENT_PACKET, type Packet } from '../socket-io.js';
import type { ClusterMessage, WireFlags, WireOptions } from './message.js';

/** Events that a client refuses to receive; it drops the connection of a server that sends one. */
export const RESERVED_EVENTS: ReadonlySet<unknown> = new Set<unknown>([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
]);

/** Events that a namespace raises by itself, with a socket, as Socket.IO has them: from other nodes, listeners would get something else. */
export const RESERVED_SERVER_EVENTS: ReadonlySet<unknown> = new Set<unknown>([
  'connect',
  'connection',
  'new_namespace',
]);

/**
 * Turns what was decoded from an entry or a channel into a message of the type given, taking only what is known of it.
 *
 * @throws {MalformedDataError} naming what is wrong.
 */
export function parseData(type: number, raw: unknown): ClusterMessage {
  const data = object(raw, 'data');
  switch (type) {
    case MessageType.BROADCAST: {
      const packet = parsePacket(data['packet']);
      const opts = parseOptions(data['opts']);
      const requestId = optionalId(data['requestId']);
      return { type, data: requestId === undefined ? { opts, packet } : { opts, packet, requestId } };
    }
    case MessageType.SOCKETS_JOIN:
    case MessageType.SOCKETS_LEAVE:
      return { type, data: { opts: parseOptions(data['opts']), rooms: rooms(data['rooms'], 'rooms') } };
    case MessageType.DISCONNECT_SOCKETS:
      return { type, data: { opts: parseOptions(data['opts']), close: data['close'] === true } };
    case MessageType.FETCH_SOCKETS:
      return { type, data: { opts: parseOptions(data['opts']), requestId: id(data['requestId']) } };
    case MessageType.SERVER_SIDE_EMIT: {
      const packet = data['packet'];
      if (!Array.isArray(packet) || packet.length === 0)
        throw new MalformedDataError('`packet` is not an array of arguments');
      if (!isEvent(packet[0]) || RESERVED_SERVER_EVENTS.has(packet[0]))
        throw new MalformedDataError('`packet` does not begin with the name of an event');
      const requestId = optionalId(data['requestId']);
      return { type, data: requestId === undefined ? { packet } : { packet, requestId } };
    }
    default:
      throw new MalformedDataError(`unknown message type ${type}`);
  }
}

/** Takes the known parts of the options of a message. */
export function parseOptions(raw: unknown): WireOptions {
  const opts = object(raw, 'opts');
  return {
    rooms: rooms(opts['rooms'], 'opts.rooms'),
    except: rooms(opts['except'] ?? [], 'opts.except'),
    flags: parseFlags(opts['flags']),
  };
}

function parseFlags(raw: unknown): WireFlags {
  if (raw === undefined || raw === null) return {};
  const { volatile, compress, timeout, expectSingleResponse, countOnly, ackId } = object(raw, 'opts.flags');
  const flags: WireFlags = {};
  if (typeof volatile === 'boolean') flags.volatile = volatile;
  if (typeof compress === 'boolean') flags.compress = compress;
  if (typeof timeout === 'number') flags.timeout = timeout;
  if (typeof expectSingleResponse === 'boolean') flags.expectSingleResponse = expectSingleResponse;
  if (typeof countOnly === 'boolean') flags.countOnly = countOnly;
  // a client ends its connection over any other
  if (Number.isSafeInteger(ackId) && (ackId as number) >= 0) flags.ackId = ackId as number;
  return flags;
}

function parsePacket(raw: unknown): Packet {
  const { type, data } = object(raw, 'packet');
  if (type !== EVENT_PACKET) throw new MalformedDataError(`a packet of type ${String(type)} cannot be broadcast`);
  return { type, data: parseArguments(data) };
}

/**
 * The arguments of an event, its name first.
 *
 * @throws {MalformedDataError} when a client would not take them.
 */
export function parseArguments(data: unknown): unknown[] {
  if (!Array.isArray(data) || data.length === 0)
    throw new MalformedDataError('`packet.data` is not an array of arguments');
  const event: unknown = data[0];
  if (!isEvent(event) || RESERVED_EVENTS.has(event)) {
    throw new MalformedDataError('`packet.data` does not begin with the name of an event');
  }
  return data;
}

function isEvent(name: unknown): boolean {
  return typeof name === 'string' || typeof name === 'number';
}

function rooms(raw: unknown, name: string): string[] {
  if (!Array.isArray(raw) || !raw.every(isRoom)) {
    throw new MalformedDataError(`\`${name}\` is not an array of rooms`);
  }
  return raw as string[];
}

/**
 * Rooms are strings by contract, but numbers are widely used and work with every other adapter; and `undefined`, which comes as `null`, is a
 * room that nobody is in.
 */
function isRoom(raw: unknown): boolean {
  return typeof raw === 'string' || typeof raw === 'number' || raw === null;
}

function id(raw: unknown): string {
  if (typeof raw !== 'string' || raw === '') throw new MalformedDataError('`requestId` is not a string');
  return raw;
}

function optionalId(raw: unknown): string | undefined {
  return raw === undefined || raw === null ? undefined : id(raw);
}

function object(raw: unknown, name: string): Record<string, unknown> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw new MalformedDataError(`\`${name}\` is not an object`);
  }
  return raw as Record<string, unknown>;
}
