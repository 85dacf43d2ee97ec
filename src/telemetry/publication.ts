import { context, SpanKind, type Context, type Span, type SpanContext } from '@opentelemetry/api';
import type { MessageTypeName, PublishedMessage, PublishTelemetry, TraceCarrier } from '../adapter/telemetry-port.js';
import { isSampled, writeCarrier } from './carrier.js';
import { errorType } from './error-type.js';
import { AttributeName, SpanName } from './names.js';
import { redisAttributes } from './redis-attributes.js';
import { leftOut, passOn } from './spans.js';
import type { Toolbox } from './toolbox.js';

/** One message, from its publication until Redis has it. */
export class Publication implements PublishTelemetry {
  readonly carrier: TraceCarrier | undefined;
  readonly message: PublishedMessage;
  readonly #tools: Toolbox;
  readonly #span: Span;
  #accepted = false;

  constructor(tools: Toolbox, message: PublishedMessage) {
    const { spans } = tools;
    this.message = message;
    this.#tools = tools;
    const active = context.active();
    // Samplers do as the parent does, so of a trace that is left out none is asked: the message goes on in it as it is.
    this.#span = (spans.active ? leftOut(active) : passOn(active)) ?? this.#startSpan(message, active);
    const spanContext = this.#span.spanContext();
    this.carrier = isSampled(spanContext) || startsWork(message.type) ? writeCarrier(spanContext) : undefined;
  }

  get spanContext(): SpanContext {
    return this.#span.spanContext();
  }

  #startSpan(message: PublishedMessage, parent: Context): Span {
    const { sources, spans } = this.#tools;
    const { stream, deferred } = message;
    const operation = deferred ? SpanName.CREATE : SpanName.XADD;
    const attributes = redisAttributes(sources, stream, operation, deferred ? 'create' : 'send', message);
    if (!deferred) {
      attributes[AttributeName.ROOM_COUNT] = message.roomCount;
    }
    return spans.start({ operation, target: stream, kind: SpanKind.PRODUCER, attributes, parent });
  }

  accepted(): void {
    this.#accepted = true;
    if (this.message.deferred) {
      // The message may wait for minutes, and a span that is open so long shows late or never.
      this.#tools.spans.end(this.#span);
    }
  }

  published(id: string): void {
    const { stream, type, deferred } = this.message;
    this.#tools.metrics.stream(stream)?.sent(type);
    if (!deferred && this.#span.isRecording()) {
      this.#tools.spans.end(this.#span, { [AttributeName.MESSAGING_MESSAGE_ID]: id });
    }
  }

  failed(error: unknown): void {
    const { metrics, spans } = this.#tools;
    const { stream, type, deferred } = this.message;
    metrics.add('sent', 1, stream, type, errorType(error));
    if (!deferred || !this.#accepted) {
      spans.end(this.#span, undefined, error ?? null);
    }
  }
}

/**
 * Whether other nodes do more with a message than to write it to sockets: then what they do has to know of its trace, even
 * of one that is left out.
 */
function startsWork(type: MessageTypeName): boolean {
  return type !== 'broadcast' && type !== 'broadcast_with_ack';
}
