import type { TraceCarrier } from '../telemetry-port.js';
import type { OutgoingMessage } from './message.js';

/** What the index of an entry tells of one of its messages. */
export interface IndexRow {
  namespace: string;
  type: number;
  /** See {@link OutgoingMessage.optionsLength}. */
  optionsLength: number;
  /** Length of its data, in bytes. */
  length: number;
  requestId: string | undefined;
  carrier: TraceCarrier | undefined;
}

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

function rest(requestId: string | undefined, carrier: TraceCarrier | undefined): string {
  const values: unknown[] = [requestId ?? 0];
  if (carrier) values.push(carrier.traceparent ?? 0);
  if (carrier?.tracestate !== undefined) values.push(carrier.tracestate);
  return values.map((value) => `,${JSON.stringify(value)}`).join('');
}

/** The rows of an index; `undefined` when it is malformed, or does not account for `bytes` of data. */
export function readIndex(index: string, bytes: number): IndexRow[] | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(index);
  } catch {
    return undefined;
  }
  if (!Array.isArray(raw) || raw.length === 0 || raw.length > MOST_ROWS) return undefined;
  const rows: IndexRow[] = [];
  let namespace: unknown;
  let total = 0;
  for (const values of raw as unknown[]) {
    if (!Array.isArray(values)) return undefined;
    const [name, type, optionsLength, length, requestId, traceparent, tracestate] = values as unknown[];
    if (name !== 0) namespace = name;
    if (typeof namespace !== 'string' || namespace === '') return undefined;
    if (!isCount(type) || !isCount(optionsLength) || !isCount(length)) return undefined;
    const row: IndexRow = { namespace, type, optionsLength, length, requestId: undefined, carrier: undefined };
    if (typeof requestId === 'string') {
      if (!REQUEST_ID.test(requestId)) return undefined;
      row.requestId = requestId;
    }
    if (typeof traceparent === 'string') row.carrier = { traceparent };
    if (typeof tracestate === 'string') row.carrier = { ...row.carrier, tracestate };
    rows.push(row);
    total += length;
  }
  return total === bytes ? rows : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
