import type { Attributes, SpanContext } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { Recorder } from './recorder.js';

/** Everything that an exporter was handed so far, as text: spans and metrics whole, with their resource and their scope. */
export async function exportedBy(recorder: Recorder): Promise<string> {
  const { resource, scopeMetrics } = await recorder.resourceMetrics();
  return JSON.stringify([recorder.spans.map(whole), plainResource(resource), scopeMetrics]);
}

/** Where the text quotes the secrets, with what stands around the first place of each. */
export function quotes(text: string, secrets: Iterable<string>): string[] {
  return [...secrets].flatMap((secret) => {
    const at = text.indexOf(secret);
    return at === -1 ? [] : [`"${secret}" in: ${text.slice(Math.max(0, at - 200), at + secret.length + 100)}`];
  });
}

// Key by key, as much of a span is behind getters, which JSON leaves out; that none is missing is for the compiler to say.
function whole(span: ReadableSpan): Record<keyof ReadableSpan, unknown> {
  return {
    name: span.name,
    kind: span.kind,
    spanContext: plainContext(span.spanContext()),
    parentSpanContext: span.parentSpanContext && plainContext(span.parentSpanContext),
    startTime: span.startTime,
    endTime: span.endTime,
    duration: span.duration,
    ended: span.ended,
    status: span.status,
    attributes: span.attributes,
    links: span.links.map((link) => ({ ...link, context: plainContext(link.context) })),
    events: span.events,
    resource: plainResource(span.resource),
    instrumentationScope: span.instrumentationScope,
    droppedAttributesCount: span.droppedAttributesCount,
    droppedEventsCount: span.droppedEventsCount,
    droppedLinksCount: span.droppedLinksCount,
  };
}

function plainContext({ traceState, ...rest }: SpanContext): object {
  return { ...rest, traceState: traceState?.serialize() };
}

function plainResource({ attributes, schemaUrl }: Resource): { attributes: Attributes; schemaUrl: string | undefined } {
  return { attributes, schemaUrl };
}
