import {
  context,
  diag,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanKind,
  type SpanContext,
  type SpanOptions,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api';
import type { AttributesHook } from './attributes-hook.js';
import { isSampled } from './carrier.js';
import { errorType } from './error-type.js';
import { AttributeName, INSTRUMENTATION_SCOPE } from './names.js';

export interface SpanStart {
  /** First word of the name. */
  operation: string;
  /** Rest of the name. */
  target: string;
  kind: SpanKind;
  attributes: Attributes;
  /** Context of the parent. Default: the active one. */
  parent?: Context;
  links?: Link[];
}

// The SDK's own default for the links of a span. See https://opentelemetry.io/docs/specs/otel/trace/sdk/#span-limits
const MAX_LINKS = 128;
const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/** Makes and ends spans. Nothing here throws: a span is not worth a message. */
export class Spans {
  readonly #fixed: TracerProvider | undefined;
  readonly #hook: AttributesHook;
  #provider: TracerProvider | undefined;
  #tracer: Tracer | undefined;

  constructor(provider: TracerProvider | undefined, hook: AttributesHook) {
    this.#fixed = provider;
    this.#hook = hook;
  }

  /** Whether there is an SDK: without one, attributes are not worth putting together. */
  get active(): boolean {
    return this.#currentTracer() !== undefined;
  }

  start({ operation, target, kind, attributes, parent = context.active(), links }: SpanStart): Span {
    const tracer = this.#currentTracer();
    if (!tracer) {
      return passOn(parent);
    }
    const name = `${operation} ${target}`;
    try {
      const options: SpanOptions = { kind, attributes: this.#hook.apply('span', name, attributes) };
      if (links) {
        options.links = links;
      }
      return tracer.startSpan(name, options, parent);
    } catch (error) {
      diag.error(`${INSTRUMENTATION_SCOPE}: span "${name}" could not be started.`, error);
      return NO_SPAN;
    }
  }

  /** Ends the span, with what was learned since its start. */
  end(span: Span, attributes?: Attributes, error?: unknown): void {
    try {
      if (span.isRecording()) {
        if (attributes) {
          span.setAttributes(attributes);
        }
        if (error !== undefined) {
          // No message and no stack: either may quote the user's data.
          span.setAttribute(AttributeName.ERROR_TYPE, errorType(error));
          span.setStatus({ code: SpanStatusCode.ERROR });
        }
      }
      span.end();
    } catch (failure) {
      diag.error(`${INSTRUMENTATION_SCOPE}: a span could not be ended.`, failure);
    }
  }

  // A tracer of the global provider finds an SDK that is set up later, but keeps the first that it found: ask for another
  // one when the SDK was replaced.
  #currentTracer(): Tracer | undefined {
    const provider = this.#fixed ?? trace.getTracerProvider();
    if (!this.#tracer || provider !== this.#provider) {
      this.#provider = provider;
      this.#tracer = hasSdk(provider) ? provider.getTracer(INSTRUMENTATION_SCOPE) : undefined;
    }
    return this.#tracer;
  }
}

/** Whether the provider makes spans: the global one is there before the SDK is. */
function hasSdk(provider: TracerProvider): boolean {
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer(INSTRUMENTATION_SCOPE) !== undefined;
}

/** What stands for a span where there is no SDK: the context of its parent, as far as there is one. */
export function passOn(parent: Context): Span {
  const active = trace.getSpanContext(parent);
  return active && isSpanContextValid(active) ? trace.wrapSpanContext(active) : NO_SPAN;
}

/** The same in a trace that its sampler left out, `undefined` anywhere else. */
export function leftOut(parent: Context): Span | undefined {
  const span = trace.getSpan(parent);
  if (!span || span.isRecording()) {
    return undefined;
  }
  const spanContext = span.spanContext();
  return !isSampled(spanContext) && isSpanContextValid(spanContext) ? trace.wrapSpanContext(spanContext) : undefined;
}

/** Runs `run` with the span active. Where the span is none, that is not worth a switch of context. */
export function runIn<T>(span: Span, parent: Context, run: () => T): T {
  return span !== NO_SPAN && isSpanContextValid(span.spanContext())
    ? context.with(trace.setSpan(parent, span), run)
    : run();
}

/** The links that a span may have to these contexts. */
export function linksTo(contexts: readonly SpanContext[]): Link[] {
  return contexts.slice(0, MAX_LINKS).map((spanContext) => ({ context: spanContext }));
}

/** The context of a message that another node created, as a parent. */
export function remoteParent(creation: SpanContext): Context {
  return trace.setSpanContext(ROOT_CONTEXT, creation);
}
