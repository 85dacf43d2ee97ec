import { MessageType } from 'socket.io-adapter';
import { SerializationError, toError } from '../errors.js';
import type { TraceCarrier } from '../telemetry-port.js';
import { pack, unpack } from './envelope.js';
import type { ClusterMessage, StreamEntry, WireOptions } from './message.js';
import { hasBinary, toPlain, toPlainStrictly } from './plain.js';
import { parseData, parseOptions } from './validate.js';

/**
 * Fields of a stream entry. The first four are those of `@socket.io/redis-streams-adapter`; the others are ours, and ignored by it:
 *
 * | field | what |
 * | --- | --- |
 * | `uid` | node that published; `emitter` for a process without a Server |
 * | `nsp` | namespace |
 * | `type` | number of the message type |
 * | `data` | JSON, or MessagePack in base64 when it holds binary data |
 * | `seq` | number of the entry among those of its publisher, from 1 |
 * | `req` | id of the request, where answers are awaited |
 * | `pub` | publisher, where it is not the node of `uid` |
 * | `opts` | length of the JSON text of the options, with which `data` begins: `{"opts":…` |
 * | `traceparent`, `tracestate` | trace context |
 */
const OPTS_PREFIX = '{"opts":';

/** The part of an entry that depends on the message alone. */
export interface EncodedMessage {
  type: number;
  data: string;
  optsLength: number;
  requestId: string | undefined;
}

/**
 * Encodes a message for the stream.
 *
 * @throws {SerializationError} when it holds a BigInt, a cycle, or (from server to server) a function.
 */
export function encodeMessage(message: ClusterMessage, onlyPlaintext: boolean): EncodedMessage {
  if (message.type === MessageType.SERVER_SIDE_EMIT) {
    return encodeWhole(message, {
      ...message.data,
      packet: toPlainStrictly(message.data.packet, 'the arguments of serverSideEmit()'),
    });
  }
  const { opts, ...rest } = message.data;
  if (message.type === MessageType.BROADCAST && !onlyPlaintext && hasBinaryArguments(message.data.packet.data)) {
    return encodeWhole(message, { opts, ...(toPlain(rest) as object) });
  }
  const optsJson = JSON.stringify(opts);
  return {
    type: message.type,
    data: `${OPTS_PREFIX}${optsJson},${stringify(rest).slice(1)}`,
    optsLength: optsJson.length,
    requestId: requestIdOf(message),
  };
}

function encodeWhole(message: ClusterMessage, data: object): EncodedMessage {
  return {
    type: message.type,
    data: hasBinary(data) ? pack(data).toString('base64') : stringify(data),
    optsLength: 0,
    requestId: requestIdOf(message),
  };
}

function requestIdOf({ data }: ClusterMessage): string | undefined {
  return 'requestId' in data ? data.requestId : undefined;
}

function hasBinaryArguments(args: unknown[]): boolean {
  try {
    return hasBinary(args);
  } catch (error) {
    throw notSerialisable(error);
  }
}

function stringify(value: object): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    throw notSerialisable(error);
  }
}

function notSerialisable(error: unknown): SerializationError {
  const reason = error instanceof RangeError ? 'it refers to itself, or is nested too deeply' : toError(error).message;
  return new SerializationError(`The arguments of emit() cannot be serialised: ${reason}.`);
}

/** The fields of an entry, flat, as XADD takes them. */
export function entryFields(
  uid: string,
  publisher: string,
  namespace: string,
  seq: number,
  message: EncodedMessage,
  carrier: TraceCarrier | undefined,
): string[] {
  const fields = ['uid', uid, 'nsp', namespace, 'type', String(message.type), 'data', message.data, 'seq', String(seq)];
  if (message.requestId !== undefined) fields.push('req', message.requestId);
  if (publisher !== uid) fields.push('pub', publisher);
  if (message.optsLength > 0) fields.push('opts', String(message.optsLength));
  if (carrier?.traceparent !== undefined) fields.push('traceparent', carrier.traceparent);
  if (carrier?.tracestate !== undefined) fields.push('tracestate', carrier.tracestate);
  return fields;
}

/** Reads the fields of an entry; `undefined` when one that is needed is missing or malformed. */
export function readEntry(stream: string, id: string, fields: readonly string[]): StreamEntry | undefined {
  const entry: StreamEntry = {
    id,
    stream,
    uid: '',
    namespace: '',
    type: 0,
    publisher: '',
    seq: undefined,
    carrier: undefined,
    data: '',
    optsLength: 0,
    requestId: undefined,
  };
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const value = fields[i + 1]!;
    switch (fields[i]) {
      case 'uid':
        entry.uid = value;
        break;
      case 'nsp':
        entry.namespace = value;
        break;
      case 'type':
        entry.type = Number(value);
        break;
      case 'data':
        entry.data = value;
        break;
      case 'seq':
        entry.seq = Number(value);
        break;
      case 'req':
        entry.requestId = value;
        break;
      case 'pub':
        entry.publisher = value;
        break;
      case 'opts':
        entry.optsLength = Number(value);
        break;
      case 'traceparent':
      case 'tracestate':
        (entry.carrier ??= {})[fields[i] as 'traceparent' | 'tracestate'] = value;
        break;
      default:
    }
  }
  if (entry.publisher === '') entry.publisher = entry.uid;
  const wellFormed =
    entry.uid !== '' &&
    entry.namespace !== '' &&
    Number.isSafeInteger(entry.type) &&
    (entry.seq === undefined || (Number.isSafeInteger(entry.seq) && entry.seq > 0)) &&
    Number.isSafeInteger(entry.optsLength) &&
    entry.optsLength >= 0;
  return wellFormed ? entry : undefined;
}

/**
 * The options of an entry, read from the beginning of its data where it is laid out that way, so that a node that holds no socket
 * of the message never parses its payload.
 *
 * @throws when they are malformed.
 */
export function optionsOf(entry: StreamEntry): WireOptions {
  const end = OPTS_PREFIX.length + entry.optsLength;
  if (entry.optsLength > 0 && entry.data.startsWith(OPTS_PREFIX) && entry.data[end] === ',') {
    return parseOptions(JSON.parse(entry.data.slice(OPTS_PREFIX.length, end)));
  }
  const { data } = decodeEntry(entry);
  if ('opts' in data) return data.opts;
  throw new TypeError('the entry has no options');
}

/**
 * Decodes and validates the data of an entry.
 *
 * @throws when the data is malformed; an entry from elsewhere is untrusted input.
 */
export function decodeEntry(entry: StreamEntry): ClusterMessage {
  const raw: unknown = entry.data.startsWith('{') ? JSON.parse(entry.data) : unpack(Buffer.from(entry.data, 'base64'));
  return parseData(entry.type, raw);
}
