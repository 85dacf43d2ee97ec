import {
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  type Context,
  type Span,
} from '@opentelemetry/api';
import { AttributeName, SpanName } from './names.js';
import { runIn } from './spans.js';
import type { Toolbox } from './toolbox.js';

/** Traces the handlers of gateways. */
export interface HandlerTelemetry {
  /**
   * Runs a handler of an event inside a span, which ends when the handler has: at once, when its promise settles, or when
   * the Observable that it returns (or that its promise resolves with) completes, fails or is let go.
   */
  handle<T>(namespace: string, event: string, run: () => T): T;
  /** What Nest makes of the `result` of {@link handle}, with what is done about each value, such as to emit it, in the trace of the handler. */
  follow<T>(result: unknown, values: T): T;
}

/** The contexts of handlers, by what they returned. */
const contexts = new WeakMap<object, Context>();

/** As much of RxJS as is needed; Nest brings the library, this package does not. */
interface ObservableLike {
  subscribe(observer: Observer): { unsubscribe(): void };
}
interface Observer {
  next(value: unknown): void;
  error(error: unknown): void;
  complete(): void;
}
type ObservableConstructor = new (subscribe: (observer: Observer) => () => void) => ObservableLike;

export function handle<T>({ spans, sources }: Toolbox, namespace: string, event: string, run: () => T): T {
  const parent = context.active();
  if (isTracedHandler(trace.getSpan(parent))) {
    return within(parent, run());
  }
  const span = spans.start({
    operation: SpanName.PROCESS,
    target: sources.namespace(namespace),
    kind: SpanKind.CONSUMER,
    attributes: { [AttributeName.NAMESPACE]: namespace, [AttributeName.EVENT_NAME]: event },
    parent,
  });
  let ended = false;
  const end = (error?: unknown): void => {
    if (ended) {
      return;
    }
    ended = true;
    spans.end(span, undefined, error);
  };
  try {
    const result = runIn(span, parent, run);
    return within(
      isSpanContextValid(span.spanContext()) ? trace.setSpan(parent, span) : parent,
      span.isRecording() ? (endWith(result, span, parent, end) as T) : result,
    );
  } catch (error) {
    end(error ?? null);
    throw error;
  }
}

/** See {@link HandlerTelemetry.follow}. */
export function follow<T>(result: unknown, values: T): T {
  const handling = isObject(result) ? contexts.get(result) : undefined;
  const Observable = handling && observableConstructor(values);
  if (!Observable) {
    return values;
  }
  return new Observable((observer) => {
    const subscription = (values as ObservableLike).subscribe({
      next: (value) => context.with(handling, () => observer.next(value)),
      error: (error) => observer.error(error),
      complete: () => observer.complete(),
    });
    return () => subscription.unsubscribe();
  }) as T;
}

/** Notes that the result is of a handler that ran in this context, unless there is nothing in it. */
function within<T>(handling: Context, result: T): T {
  if (handling !== ROOT_CONTEXT && isObject(result)) {
    contexts.set(result, handling);
  }
  return result;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Whether another instrumentation made a span for the handler that is about to run. */
function isTracedHandler(active: Span | undefined): boolean {
  return active?.isRecording() === true && (active as { kind?: SpanKind }).kind === SpanKind.CONSUMER;
}

/** Ends the span when the result has settled. Returns what stands for the result. */
function endWith(
  result: unknown,
  span: Span,
  parent: Context,
  end: (error?: unknown) => void,
  isAwaited = false,
): unknown {
  if (isPromise(result)) {
    return result.then(
      (value) => endWith(value, span, parent, end, true),
      (error: unknown) => {
        end(error ?? null);
        throw error;
      },
    );
  }
  const Observable = observableConstructor(result);
  if (!Observable) {
    end();
    return result;
  }
  let subscribed = false;
  // Nest subscribes to what a promise brings at once, or never: its client has gone meanwhile.
  if (isAwaited) {
    setImmediate(() => subscribed || end());
  }
  return new Observable((observer) => {
    subscribed = true;
    const subscription = runIn(span, parent, () =>
      (result as ObservableLike).subscribe({
        next: (value) => observer.next(value),
        error: (error) => {
          end(error ?? null);
          observer.error(error);
        },
        complete: () => {
          end();
          observer.complete();
        },
      }),
    );
    return () => {
      subscription.unsubscribe();
      end();
    };
  });
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** The class Observable from which the value descends, `undefined` if it is none. A Subject's own constructor would not do. */
function observableConstructor(value: unknown): ObservableConstructor | undefined {
  const candidate = value as { subscribe?: unknown; lift?: unknown } | null | undefined;
  if (typeof candidate?.subscribe !== 'function' || typeof candidate.lift !== 'function') {
    return undefined;
  }
  let prototype = Object.getPrototypeOf(value) as object;
  for (;;) {
    const above = Object.getPrototypeOf(prototype) as object | null;
    if (above === null || above === Object.prototype) {
      return prototype.constructor as ObservableConstructor;
    }
    prototype = above;
  }
}
