import { SpanKind, type Span, type SpanContext } from '@opentelemetry/api';
import type { PublishedMessage, PublishTelemetry, TraceCarrier } from '../adapter/telemetry-port.js';
import { writeCarrier } from './carrier.js';
import { errorType } from './error-type.js';
import { AttributeName, SpanName } from './names.js';
import { redisAttributes } from './redis-attributes.js';
import type { Toolbox } from './toolbox.js';

/** One message, from its publication until Redis has it. */
export class Publication implements PublishTelemetry {
  readonly carrier: TraceCarrier | undefined;
  readonly message: PublishedMessage;
  readonly #tools: Toolbox;
  readonly #span: Span;
  readonly #start = performance.now();

  constructor(tools: Toolbox, message: PublishedMessage) {
    const { sources, spans, metrics } = tools;
    if (sources.size === 0) {
      // A process that only emits has no node to start, nor a poll that looks after the metrics.
      metrics.refresh();
    }
    const { stream, deferred } = message;
    const operation = deferred ? SpanName.CREATE : SpanName.XADD;
    this.message = message;
    this.#tools = tools;
    const attributes = redisAttributes(sources, stream, operation, deferred ? 'create' : 'send', message);
    if (!deferred) {
      attributes[AttributeName.ROOM_COUNT] = message.roomCount;
    }
    this.#span = spans.start({
      operation,
      target: stream,
      kind: SpanKind.PRODUCER,
      attributes,
    });
    this.carrier = writeCarrier(this.#span.spanContext());
    if (deferred) {
      // The message may wait for minutes, and a span that is open so long shows late or never.
      spans.end(this.#span);
    }
  }

  get spanContext(): SpanContext {
    return this.#span.spanContext();
  }

  published(id: string): void {
    this.#settle(undefined, { [AttributeName.MESSAGING_MESSAGE_ID]: id });
  }

  failed(error: unknown): void {
    this.#settle(error ?? null);
  }

  #settle(error: unknown, attributes?: Record<string, string>): void {
    const { metrics, spans } = this.#tools;
    const { stream, type, deferred } = this.message;
    const kind = error === undefined ? undefined : errorType(error);
    metrics.add('sent', 1, stream, type, kind);
    if (!deferred) {
      metrics.record('operation', secondsSince(this.#start), stream, kind);
      spans.end(this.#span, attributes, error);
    }
  }
}

export function secondsSince(start: number): number {
  return (performance.now() - start) / 1_000;
}
