import { readIndex, writeIndex } from './message-index.js';
import { StreamMessage, type OutgoingMessage, type StreamEntry } from './message.js';
import type { TraceCarrier } from '../telemetry-port.js';

/**
 * Fields of a stream entry. The first four are those of `@socket.io/redis-streams-adapter`; the others are ours, and ignored by it.
 *
 * | field | what |
 * | --- | --- |
 * | `uid` | node that published; `emitter` for a process without a Server |
 * | `nsp` | namespace |
 * | `type` | number of the message type |
 * | `data` | JSON, or MessagePack in base64 where there is binary data |
 * | `hdr` | numbers of the reader's concern, separated by spaces: the number of the (first) message among those of its publisher, from 1; the length of the options in `data`, or 0; the id of the request, where answers are awaited |
 * | `pub` | publisher, where it is not the node of `uid` |
 * | `traceparent`, `tracestate` | trace context |
 * | `msgs` | of an entry that holds several messages: their index, see {@link writeIndex}. Their data follow one another in `data`, and the fields that each has of its own are in the index instead |
 */
const enum Field {
  uid = 'uid',
  namespace = 'nsp',
  type = 'type',
  data = 'data',
  header = 'hdr',
  publisher = 'pub',
  messages = 'msgs',
  traceparent = 'traceparent',
  tracestate = 'tracestate',
}

/** Adds the fields of an entry, names and values in turn as XADD takes them, to `command`. */
export function pushEntry(
  command: string[],
  { uid, publisher, seq }: { uid: string; publisher: string; seq: number },
  messages: readonly OutgoingMessage[],
): void {
  command.push(Field.uid, uid);
  if (messages.length === 1) pushMessage(command, seq, messages[0]!);
  else {
    const data = messages.map((message) => message.data).join('');
    command.push(Field.header, `${seq} 0`, Field.messages, writeIndex(messages), Field.data, data);
  }
  if (publisher !== uid) command.push(Field.publisher, publisher);
}

function pushMessage(command: string[], seq: number, message: OutgoingMessage): void {
  const { namespace, type, data, optionsLength, requestId, carrier } = message;
  const header = requestId === undefined ? `${seq} ${optionsLength}` : `${seq} ${optionsLength} ${requestId}`;
  command.push(Field.namespace, namespace, Field.type, String(type), Field.data, data, Field.header, header);
  if (carrier?.traceparent !== undefined) command.push(Field.traceparent, carrier.traceparent);
  if (carrier?.tracestate !== undefined) command.push(Field.tracestate, carrier.tracestate);
}

/** The bytes of a name of three or four as one number, as names are looked at for every entry; 0 for a longer one. */
function shortName(name: Uint8Array): number {
  if (name.length < 3 || name.length > 4) return 0;
  return ((name[0]! << 24) | (name[1]! << 16) | (name[2]! << 8) | (name[3] ?? 0)) >>> 0;
}

const Short = {
  uid: shortName(Buffer.from(Field.uid)),
  namespace: shortName(Buffer.from(Field.namespace)),
  type: shortName(Buffer.from(Field.type)),
  data: shortName(Buffer.from(Field.data)),
  header: shortName(Buffer.from(Field.header)),
  publisher: shortName(Buffer.from(Field.publisher)),
  messages: shortName(Buffer.from(Field.messages)),
} as const;

const HEADER = /^([1-9]\d{0,15}) (0|[1-9]\d{0,8})(?: (\w{1,64}))?$/;

/** Reads an entry; `undefined` when a field that is needed is missing, or one is malformed. */
export function readEntry(stream: string, id: string, fields: readonly Buffer[]): StreamEntry | undefined {
  let uid: string | undefined;
  let namespace: string | undefined;
  let type: number | undefined;
  let data: Buffer | undefined;
  let header: string | undefined;
  let publisher: string | undefined;
  let carrier: TraceCarrier | undefined;
  let index: string | undefined;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i]!;
    const value = fields[i + 1]!;
    switch (shortName(name)) {
      case Short.uid:
        uid = value.toString();
        break;
      case Short.namespace:
        namespace = value.toString();
        break;
      case Short.type:
        type = Number(value.toString('latin1'));
        break;
      case Short.data:
        data = value;
        break;
      case Short.header:
        header = value.toString('latin1');
        break;
      case Short.publisher:
        publisher = value.toString();
        break;
      case Short.messages:
        index = value.toString();
        break;
      default: {
        const long = name.toString('latin1');
        if (long === Field.traceparent || long === Field.tracestate) (carrier ??= {})[long] = value.toString();
      }
    }
  }
  if (!uid) return undefined;
  const parts = header === undefined ? undefined : HEADER.exec(header);
  if (parts === null) return undefined;
  const seq = parts && Number(parts[1]);
  const entry: StreamEntry = { id, publisher: publisher || uid, seq, messages: [] };
  if (index !== undefined) {
    const several = data && seq !== undefined && readIndex({ stream, id, uid }, index, data);
    if (!several) return undefined;
    entry.messages = several;
    return entry;
  }
  if (!namespace || type === undefined || !Number.isSafeInteger(type)) return undefined;
  const message = new StreamMessage(stream, id, uid, namespace, type, data ?? Buffer.alloc(0));
  message.carrier = carrier;
  message.optionsLength = Number(parts?.[2] ?? 0);
  message.requestId = parts?.[3];
  entry.messages.push(message);
  return entry;
}
