import {
  createTraceState,
  INVALID_SPAN_CONTEXT,
  INVALID_SPANID,
  INVALID_TRACEID,
  isSpanContextValid,
  TraceFlags,
  type SpanContext,
} from '@opentelemetry/api';
import type { TraceCarrier } from '../adapter/telemetry-port.js';

const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}(?:-.*)?$/;
// Every version has these in the same places, and the first ends with its flags.
const TRACE_AT = 3;
const SPAN_AT = 36;
const FLAGS_AT = 53;
const LENGTH = 55;
// The least that the specification asks everyone to pass on.
const TRACESTATE_MAX_LENGTH = 512;
const FLAGS = Array.from({ length: 256 }, (_, flags) => flags.toString(16).padStart(2, '0'));

/**
 * The context as W3C fields, `undefined` where there is none. Written by hand, because the global propagator may be another
 * one than W3C's, or none at all. See https://www.w3.org/TR/trace-context/
 */
export function writeCarrier(context: SpanContext): TraceCarrier | undefined {
  // Known at a glance: without an SDK nearly every message has that one.
  if (context === INVALID_SPAN_CONTEXT || !isSpanContextValid(context)) {
    return undefined;
  }
  const traceparent = `00-${context.traceId}-${context.spanId}-${FLAGS[context.traceFlags & 0xff]}`;
  const tracestate = context.traceState?.serialize();
  return tracestate && tracestate.length <= TRACESTATE_MAX_LENGTH ? { traceparent, tracestate } : { traceparent };
}

/** The context that the fields hold, `undefined` if they hold none: they come from elsewhere and may be anything. */
export function readCarrier(carrier: TraceCarrier | undefined): SpanContext | undefined {
  const traceparent = carrier?.traceparent;
  // What matches is cut by its places: groups of the expression would cost half as much again, for every message.
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) {
    return undefined;
  }
  if (traceparent.startsWith('ff') || (traceparent.startsWith('00') && traceparent.length > LENGTH)) {
    return undefined;
  }
  const traceId = traceparent.slice(TRACE_AT, SPAN_AT - 1);
  const spanId = traceparent.slice(SPAN_AT, FLAGS_AT - 1);
  if (traceId === INVALID_TRACEID || spanId === INVALID_SPANID) {
    return undefined;
  }
  const context: SpanContext = { traceId, spanId, traceFlags: readFlags(traceparent), isRemote: true };
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
  return typeof traceparent === 'string' && (readFlags(traceparent) & TraceFlags.SAMPLED) !== 0;
}

function readFlags(traceparent: string): number {
  return parseInt(traceparent.slice(FLAGS_AT, LENGTH), 16);
}
