import {
  createTraceState,
  INVALID_SPANID,
  INVALID_TRACEID,
  isSpanContextValid,
  TraceFlags,
  type SpanContext,
} from '@opentelemetry/api';
import type { TraceCarrier } from '../adapter/telemetry-port.js';

const TRACEPARENT = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
// The least that the specification asks everyone to pass on.
const TRACESTATE_MAX_LENGTH = 512;
const FLAGS_AT = 53;
const FLAGS = Array.from({ length: 256 }, (_, flags) => flags.toString(16).padStart(2, '0'));

/**
 * The context as W3C fields, `undefined` where there is none. Written by hand, because the global propagator may be another
 * one than W3C's, or none at all. See https://www.w3.org/TR/trace-context/
 */
export function writeCarrier(context: SpanContext): TraceCarrier | undefined {
  if (!isSpanContextValid(context)) {
    return undefined;
  }
  const traceparent = `00-${context.traceId}-${context.spanId}-${FLAGS[context.traceFlags & 0xff]}`;
  const tracestate = context.traceState?.serialize();
  return tracestate && tracestate.length <= TRACESTATE_MAX_LENGTH ? { traceparent, tracestate } : { traceparent };
}

/** The context that the fields hold, `undefined` if they hold none: they come from elsewhere and may be anything. */
export function readCarrier(carrier: TraceCarrier | undefined): SpanContext | undefined {
  const traceparent = carrier?.traceparent;
  if (typeof traceparent !== 'string') {
    return undefined;
  }
  const [, version, traceId, spanId, flags, rest] = TRACEPARENT.exec(traceparent) ?? [];
  if (!version || !traceId || !spanId || !flags || version === 'ff' || (version === '00' && rest !== undefined)) {
    return undefined;
  }
  if (traceId === INVALID_TRACEID || spanId === INVALID_SPANID) {
    return undefined;
  }
  const context: SpanContext = { traceId, spanId, traceFlags: parseInt(flags, 16), isRemote: true };
  const tracestate = carrier?.tracestate;
  if (typeof tracestate === 'string' && tracestate.length > 0 && tracestate.length <= TRACESTATE_MAX_LENGTH) {
    context.traceState = createTraceState(tracestate);
  }
  return context;
}

export function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & TraceFlags.SAMPLED) !== 0;
}

/** Whether the fields, should they hold a context, hold one that is sampled: cheaper to tell than what they hold. */
export function mayBeSampled({ traceparent }: TraceCarrier): boolean {
  return (
    typeof traceparent === 'string' &&
    (parseInt(traceparent.slice(FLAGS_AT, FLAGS_AT + 2), 16) & TraceFlags.SAMPLED) !== 0
  );
}
