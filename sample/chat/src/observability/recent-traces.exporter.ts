import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { ExportResultCode, hrTimeToMilliseconds, type ExportResult } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-node';
import { NODE } from '../node-identity.js';
import type { DrawnSpan, RecentTraces } from './recent-traces.js';

interface SpansMessage {
  type: 'spans';
  spans: DrawnSpan[];
}

/** Keeps finished spans in memory, those of the other nodes, too: the launcher passes them on. */
export class RecentTracesExporter implements SpanExporter {
  constructor(private readonly traces: RecentTraces) {
    process.on('message', (message: Partial<SpansMessage>) => {
      if (message.type === 'spans' && message.spans) {
        this.traces.add(message.spans);
      }
    });
  }

  export(finished: ReadableSpan[], done: (result: ExportResult) => void): void {
    const spans = finished.map(toDrawnSpan);
    this.traces.add(spans);
    // With a callback: the launcher may have ended, which is no reason to throw.
    process.send?.({ type: 'spans', spans } satisfies SpansMessage, () => undefined);
    done({ code: ExportResultCode.SUCCESS });
  }

  async shutdown(): Promise<void> {}
}

function toDrawnSpan(span: ReadableSpan): DrawnSpan {
  const { traceId, spanId } = span.spanContext();
  return {
    traceId,
    spanId,
    parentSpanId: span.parentSpanContext?.spanId,
    name: span.name,
    kind: SpanKind[span.kind].toLowerCase(),
    node: NODE.name,
    start: hrTimeToMilliseconds(span.startTime),
    duration: hrTimeToMilliseconds(span.duration),
    failed: span.status.code === SpanStatusCode.ERROR,
    attributes: Object.fromEntries(Object.entries(span.attributes).map(([name, value]) => [name, String(value)])),
  };
}
