import { MessageType } from 'socket.io-adapter';
import { MalformedDataError, SerializationError, toError } from '../errors.js';
import { unpack, pack } from './envelope.js';
import type { ClusterMessage, EncodedMessage, StreamMessage, WireOptions } from './message.js';
import { Payload } from './payload.js';
import { hasBinary, hasPlaceholder, toPlain, toPlainStrictly } from './plain.js';
import { readOptions } from './options-cache.js';
import { parseArguments, parseData } from './validate.js';

/**
 * The data of a broadcast without binary data is laid out so that a reader can tell its parts without parsing it:
 * `{"opts":<options>,"packet":{"type":2,"data":<arguments>}}`. The length of the options travels beside it.
 */
const OPTIONS_PREFIX = '{"opts":';
const ARGUMENTS_PREFIX = ',"packet":{"type":2,"data":';
const BROADCAST_SUFFIX = '}}';
const PREFIX_LENGTH = OPTIONS_PREFIX.length;
/** The brackets belong to it: what follows the arguments is put right behind the last of them, and a space would come between. */
const LAYOUT = { arguments: Buffer.from(`${ARGUMENTS_PREFIX}[`), suffix: Buffer.from(`]${BROADCAST_SUFFIX}`) };

/**
 * Encodes a message for the stream, as it is now; what it is made of may change afterwards.
 *
 * @throws {SerializationError} when it holds a BigInt or a cycle, or, from server to server, a function.
 */
export function encodeMessage(message: Exclude<ClusterMessage, { type: MessageType.BROADCAST }>): EncodedMessage {
  const data =
    message.type === MessageType.SERVER_SIDE_EMIT
      ? { ...message.data, packet: toPlainStrictly(message.data.packet, 'the arguments of serverSideEmit()') }
      : message.data;
  return {
    type: message.type,
    data: textOf(data),
    optionsLength: 0,
    requestId: 'requestId' in message.data ? message.data.requestId : undefined,
  };
}

/**
 * Encodes a broadcast. Its payload can be written to local sockets, too.
 *
 * @throws {SerializationError} when the arguments hold a BigInt or a cycle.
 */
export function encodeBroadcast(
  args: unknown[],
  opts: WireOptions,
  requestId: string | undefined,
  onlyPlaintext: boolean,
): EncodedMessage & { payload: Payload } {
  const type = MessageType.BROADCAST;
  if (!onlyPlaintext && guarded(() => hasBinary(args))) {
    const plain = toPlain(args) as unknown[];
    const data = textOf({ opts, packet: { type: 2, data: plain }, ...(requestId !== undefined && { requestId }) });
    return { type, data, optionsLength: 0, requestId, payload: Payload.of(plain) };
  }
  const options = JSON.stringify(opts);
  const json = guarded(() => JSON.stringify(args));
  const request = requestId === undefined ? '' : `,"requestId":"${requestId}"`;
  return {
    type,
    data: OPTIONS_PREFIX + options + ARGUMENTS_PREFIX + json + '}' + request + '}',
    optionsLength: requestId === undefined ? Buffer.byteLength(options) : 0,
    requestId,
    payload: Payload.ofJson(json),
  };
}

/** JSON, or MessagePack in base64 where there is binary data. */
function textOf(data: object): string {
  return hasBinary(data) ? pack(data).toString('base64') : JSON.stringify(data);
}

function guarded<T>(serialise: () => T): T {
  try {
    return serialise();
  } catch (error) {
    const reason =
      error instanceof RangeError ? 'they refer to themselves, or are nested too deeply' : toError(error).message;
    throw new SerializationError(`The arguments of emit() cannot be serialised: ${reason}.`);
  }
}

/**
 * The options of a message, without parsing its payload where it is laid out that way: a node that holds no socket of the message pays
 * for nothing else.
 *
 * @throws {MalformedDataError}
 */
export function optionsOf(message: StreamMessage): WireOptions {
  const end = PREFIX_LENGTH + message.optionsLength;
  if (isLaidOut(message, end)) {
    try {
      return readOptions(message.data.toString('utf8', PREFIX_LENGTH, end));
    } catch (error) {
      throw malformed(error);
    }
  }
  const { data } = decodeMessage(message);
  if ('opts' in data) return data.opts;
  throw new MalformedDataError('the message has no options');
}

/**
 * The payload of a broadcast.
 *
 * @throws {MalformedDataError}
 */
export function payloadOf(message: StreamMessage): Payload {
  const end = PREFIX_LENGTH + message.optionsLength;
  if (isLaidOut(message, end)) {
    const { data } = message;
    const json = data.toString('utf8', end + ARGUMENTS_PREFIX.length, data.length - BROADCAST_SUFFIX.length);
    try {
      // parsed to be sure that a client can, too
      return Payload.ofJson(json, parseArguments(JSON.parse(json)));
    } catch (error) {
      throw malformed(error);
    }
  }
  const { data } = decodeMessage(message);
  if (!('packet' in data) || Array.isArray(data.packet)) throw new MalformedDataError('the message has no packet');
  return Payload.of(data.packet.data);
}

function isLaidOut({ data, optionsLength }: StreamMessage, end: number): boolean {
  const { arguments: args, suffix } = LAYOUT;
  return (
    optionsLength > 0 &&
    data.length >= end + args.length + suffix.length &&
    standsAt(data, args, end) &&
    standsAt(data, suffix, data.length - suffix.length)
  );
}

/** Whether `data` has these few bytes at `offset`; for so few, a call of Buffer.compare() costs more than it saves. */
function standsAt(data: Buffer, bytes: Buffer, offset: number): boolean {
  for (let i = 0; i < bytes.length; i++) if (data[offset + i] !== bytes[i]) return false;
  return true;
}

/**
 * Decodes and validates the data of a message.
 *
 * @throws {MalformedDataError} A message from elsewhere is untrusted input.
 */
export function decodeMessage({ messageType, data }: StreamMessage): ClusterMessage {
  const text = data.toString();
  try {
    if (text.startsWith('{')) return parseData(messageType, JSON.parse(text));
    const raw = unpack(Buffer.from(text, 'base64'));
    if (hasPlaceholder(raw))
      throw new MalformedDataError('it holds what a client takes for the place of an attachment');
    return parseData(messageType, raw);
  } catch (error) {
    throw malformed(error);
  }
}

/** Without the words of a parser: they quote what they could not read, and differ each time. */
function malformed(error: unknown): MalformedDataError {
  if (error instanceof MalformedDataError) return error;
  return new MalformedDataError('the data is neither JSON nor MessagePack', { cause: error });
}
