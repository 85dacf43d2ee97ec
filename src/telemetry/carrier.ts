import { createTraceState, isSpanContextValid, type SpanContext } from '@opentelemetry/api';
import type { TraceCarrier } from '../adapter/telemetry-port.js';

const TRACEPARENT = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
// The least that the specification asks everyone to pass on.
const TRACESTATE_MAX_LENGTH = 512;

/**
 * The context as W3C fields, `undefined` where there is none. Written by hand, because the global propagator may be another
 * one than W3C's, or none at all. See https://www.w3.org/TR/trace-context/
 */
export function writeCarrier(context: SpanContext): TraceCarrier | undefined {
  if (!isSpanContextValid(context)) {
    return undefined;
  }
  const flags = (context.traceFlags & 0xff).toString(16).padStart(2, '0');
  const traceparent = `00-${context.traceId}-${context.spanId}-${flags}`;
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
  const context: SpanContext = { traceId, spanId, traceFlags: parseInt(flags, 16), isRemote: true };
  if (!isSpanContextValid(context)) {
    return undefined;
  }
  const tracestate = carrier?.tracestate;
  if (typeof tracestate === 'string' && tracestate.length > 0 && tracestate.length <= TRACESTATE_MAX_LENGTH) {
    context.traceState = createTraceState(tracestate);
  }
  return context;
}
