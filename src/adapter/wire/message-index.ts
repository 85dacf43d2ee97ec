import type { TraceCarrier } from '../telemetry-port.js';
import { positionAt } from '../stream/stream-id.js';
import { StreamMessage, type OutgoingMessage } from './message.js';

/** Most messages that an entry is taken to hold; one that claims more is not ours. */
const MOST_ROWS = 4_096;

const REQUEST_ID = /^\w{1,64}$/;

/**
 * The index of an entry that holds several messages, as JSON: of each message a list of its namespace (or 0, the same as that of the
 * message before), type, length of its options in bytes, length of its data in bytes, and, where it has them, the id of the request (or 0),
 * `traceparent` and `tracestate`.
 */
export function writeIndex(messages: readonly OutgoingMessage[]): string {
  let index = '';
  let namespace: string | undefined;
  for (const message of messages) {
    const { type, optionsLength, data, requestId, carrier } = message;
    const name = message.namespace === namespace ? '0' : JSON.stringify((namespace = message.namespace));
    index += `${index === '' ? '[' : ','}[${name},${type},${optionsLength},${Buffer.byteLength(data)}`;
    if (requestId !== undefined || carrier !== undefined) index += rest(requestId, carrier);
    index += ']';
  }
  return `${index}]`;
}

// Text is added to text: with telemetry, this is written for every message.
function rest(requestId: string | undefined, carrier: TraceCarrier | undefined): string {
  let values = requestId === undefined ? ',0' : `,${JSON.stringify(requestId)}`;
  if (carrier) values += `,${JSON.stringify(carrier.traceparent ?? 0)}`;
  if (carrier?.tracestate !== undefined) values += `,${JSON.stringify(carrier.tracestate)}`;
  return values;
}

/** The messages of an entry; `undefined` when the index is malformed, or does not account for all data. */
export function readIndex(
  entry: { stream: string; id: string; uid: string },
  index: string,
  data: Buffer,
): StreamMessage[] | undefined {
  let rows: unknown;
  try {
    rows = JSON.parse(index);
  } catch {
    return undefined;
  }
  if (!Array.isArray(rows) || rows.length === 0 || rows.length > MOST_ROWS) return undefined;
  const { stream, id, uid } = entry;
  const messages: StreamMessage[] = [];
  let namespace: unknown;
  let end = 0;
  for (const row of rows as unknown[]) {
    if (!Array.isArray(row)) return undefined;
    const [name, type, optionsLength, length, requestId, traceparent, tracestate] = row as unknown[];
    if (name !== 0) namespace = name;
    if (typeof namespace !== 'string' || namespace === '') return undefined;
    if (!isCount(type) || !isCount(optionsLength) || !isCount(length)) return undefined;
    const bytes = data.subarray(end, (end += length));
    const message = new StreamMessage(
      stream,
      positionAt(id, messages.length, rows.length),
      uid,
      namespace,
      type,
      bytes,
    );
    message.optionsLength = optionsLength;
    if (typeof requestId === 'string') {
      if (!REQUEST_ID.test(requestId)) return undefined;
      message.requestId = requestId;
    }
    if (typeof traceparent === 'string') message.carrier = { traceparent };
    if (typeof tracestate === 'string') message.carrier = { ...message.carrier, tracestate };
    messages.push(message);
  }
  return end === data.length ? messages : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
