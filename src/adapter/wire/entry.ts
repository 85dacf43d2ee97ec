import type { TraceCarrier } from '../telemetry-port.js';
import type { EncodedMessage } from './entry-codec.js';
import { StreamEntry } from './message.js';

/**
 * Fields of a stream entry. The first four are those of `@socket.io/redis-streams-adapter`; the others are ours, and ignored by it.
 *
 * | field | what |
 * | --- | --- |
 * | `uid` | node that published; `emitter` for a process without a Server |
 * | `nsp` | namespace |
 * | `type` | number of the message type |
 * | `data` | JSON, or MessagePack in base64 where there is binary data |
 * | `hdr` | numbers of the reader's concern, separated by spaces: the number of the entry among those of its publisher, from 1; the length of the options in `data`, or 0; the id of the request, where answers are awaited |
 * | `pub` | publisher, where it is not the node of `uid` |
 * | `traceparent`, `tracestate` | trace context |
 */
const enum Field {
  uid = 'uid',
  namespace = 'nsp',
  type = 'type',
  data = 'data',
  header = 'hdr',
  publisher = 'pub',
  traceparent = 'traceparent',
  tracestate = 'tracestate',
}

/** Adds the fields of an entry, names and values in turn as XADD takes them, to `command`. */
export function pushEntry(
  command: string[],
  from: { uid: string; publisher: string; namespace: string; seq: number },
  message: EncodedMessage,
  carrier: TraceCarrier | undefined,
): void {
  const { optionsLength, requestId } = message;
  const header = requestId === undefined ? `${from.seq} ${optionsLength}` : `${from.seq} ${optionsLength} ${requestId}`;
  command.push(Field.uid, from.uid, Field.namespace, from.namespace, Field.type, String(message.type));
  command.push(Field.data, message.data, Field.header, header);
  if (from.publisher !== from.uid) command.push(Field.publisher, from.publisher);
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
} as const;

const HEADER = /^([1-9]\d{0,15}) (0|[1-9]\d{0,8})(?: (\w{1,64}))?$/;

/** Reads the fields of an entry; `undefined` when one that is needed is missing, or one is malformed. */
export function readEntry(stream: string, id: string, fields: readonly Buffer[]): StreamEntry | undefined {
  let uid: string | undefined;
  let namespace: string | undefined;
  let type: number | undefined;
  let data: Buffer | undefined;
  let header: string | undefined;
  let publisher: string | undefined;
  let carrier: TraceCarrier | undefined;
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
      default: {
        const long = name.toString('latin1');
        if (long === Field.traceparent || long === Field.tracestate) (carrier ??= {})[long] = value.toString();
      }
    }
  }
  if (!uid || !namespace || type === undefined || !Number.isSafeInteger(type)) return undefined;
  const entry = new StreamEntry(stream, id, uid, namespace, type, publisher || uid, carrier, data ?? Buffer.alloc(0));
  if (header === undefined) return entry;
  const parts = HEADER.exec(header);
  if (parts === null) return undefined;
  entry.seq = Number(parts[1]);
  entry.optionsLength = Number(parts[2]);
  entry.requestId = parts[3];
  return entry;
}
