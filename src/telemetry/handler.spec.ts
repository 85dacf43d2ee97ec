import { setImmediate as immediate } from 'node:timers/promises';
import { context, diag, DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  BehaviorSubject,
  firstValueFrom,
  from,
  isObservable,
  lastValueFrom,
  NEVER,
  Observable,
  of,
  throwError,
} from 'rxjs';
import { SamplingDecision } from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { outline, Recorder } from '../../test/telemetry/recorder.js';
import { sourceOf } from '../../test/telemetry/source.js';
import { createTelemetry } from './index.js';

let recorder: Recorder;
let telemetry: ReturnType<typeof createTelemetry>;
beforeEach(() => {
  recorder = new Recorder().install();
  telemetry = createTelemetry();
  telemetry.observe(sourceOf());
});
afterEach(() => Recorder.uninstall());

const handle = <T>(run: () => T): T => telemetry.handle('/chat', 'message', run);
const activeId = (): string | undefined => trace.getActiveSpan()?.spanContext().spanId;

test('a handler is a CONSUMER span "process {namespace}" with the name of the event', () => {
  expect(handle(() => 'answer')).toBe('answer');
  expect(outline(recorder.span('process /chat'))).toEqual({
    name: 'process /chat',
    kind: 'CONSUMER',
    attributes: { 'socketio.namespace': '/chat', 'socketio.event.name': 'message' },
    parent: undefined,
    links: [],
    error: false,
  });
});

test('a handler runs inside its span, below the active one', () => {
  const parent = recorder.tracerProvider.getTracer('test').startSpan('upgrade');
  const active = context.with(trace.setSpan(ROOT_CONTEXT, parent), () => handle(activeId));
  const span = recorder.span('process /chat');
  expect(active).toBe(span.spanContext().spanId);
  expect(outline(span).parent).toBe(parent.spanContext().spanId);
});

test('a dynamic namespace is in the attribute, not in the name', () => {
  telemetry.handle('/dynamic-17', 'message', () => undefined);
  expect(recorder.span('process _dynamic').attributes['socketio.namespace']).toBe('/dynamic-17');
});

test('a handler that throws has status ERROR, and the error reaches the caller', () => {
  expect(() =>
    handle(() => {
      throw new TypeError('secret');
    }),
  ).toThrow('secret');
  expect(outline(recorder.span('process /chat'))).toMatchObject({
    error: true,
    attributes: { 'error.type': 'TypeError' },
  });
});

test('a handler that another instrumentation has wrapped gets no second span', () => {
  const wrapper = recorder.tracerProvider
    .getTracer('@opentelemetry/instrumentation-socket.io')
    .startSpan('/chat process', { kind: SpanKind.CONSUMER });
  const result = context.with(trace.setSpan(ROOT_CONTEXT, wrapper), () => handle(activeId));
  expect(result).toBe(wrapper.spanContext().spanId);
  expect(recorder.spans).toEqual([]);

  wrapper.end();
  context.with(trace.setSpan(ROOT_CONTEXT, wrapper), () => handle(activeId));
  expect(recorder.span('process /chat')).toBeDefined();
});

describe('a promise', () => {
  test('ends the span when it resolves', async () => {
    let resolve!: (value: string) => void;
    const answer = handle(() => new Promise<string>((done) => (resolve = done)));
    expect(recorder.spans).toEqual([]);

    resolve('answer');
    expect(await answer).toBe('answer');
    expect(outline(recorder.span('process /chat')).error).toBe(false);
  });

  test.each([
    ['an error', new RangeError('secret'), 'RangeError'],
    ['nothing', undefined, '_OTHER'],
  ])('ends it with status ERROR when it rejects with %s', async (_what, reason, type) => {
    await expect(handle(() => Promise.reject(reason as Error))).rejects.toBe(reason);
    expect(outline(recorder.span('process /chat'))).toMatchObject({ error: true, attributes: { 'error.type': type } });
  });
});

describe('an Observable', () => {
  test('ends the span when it completes, and its work runs inside the span', async () => {
    let active;
    const result = handle(
      () =>
        new Observable<number>((subscriber) => {
          active = activeId();
          subscriber.next(1);
          subscriber.next(2);
          subscriber.complete();
        }),
    );
    expect(isObservable(result)).toBe(true);
    expect(recorder.spans).toEqual([]);

    expect(await lastValueFrom(result)).toBe(2);
    expect(recorder.span('process /chat').spanContext().spanId).toBe(active);
  });

  test('is followed when a promise resolves with it, as those of Nest do', async () => {
    const result = await handle(() => Promise.resolve(of('answer')));
    expect(recorder.spans).toEqual([]);
    expect(await firstValueFrom(result)).toBe('answer');
    expect(recorder.spans).toHaveLength(1);
  });

  test('ends it when a promise brings it and nobody wants it any more, as Nest when its client has gone', async () => {
    await handle(() => Promise.resolve(of('answer')));
    expect(recorder.spans).toEqual([]);
    await immediate();
    expect(outline(recorder.span('process /chat')).error).toBe(false);
  });

  test('ends it once, however often it is subscribed to and let go', async () => {
    const complaints: unknown[] = [];
    const complain = (...args: unknown[]): unknown => complaints.push(args);
    const logger = { verbose: complain, debug: complain, info: complain, warn: complain, error: complain };
    diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
    onTestFinished(() => diag.disable());
    const result = handle(() => of('answer'));
    await lastValueFrom(result);
    await lastValueFrom(result);
    await expect(lastValueFrom(handle(() => throwError(() => new TypeError())))).rejects.toThrow(TypeError);
    expect(recorder.spans.map(({ status }) => status.code)).toEqual([SpanStatusCode.UNSET, SpanStatusCode.ERROR]);
    expect(complaints).toEqual([]);
  });

  test('ends it with status ERROR when it fails', async () => {
    const result = handle(() => throwError(() => new TypeError('secret')));
    await expect(lastValueFrom(result)).rejects.toThrow('secret');
    expect(outline(recorder.span('process /chat')).error).toBe(true);
  });

  test('ends it, and is let go, when it is unsubscribed from', () => {
    const subject = new BehaviorSubject(1);
    const values: number[] = [];
    const subscription = handle(() => subject).subscribe((value) => values.push(value));
    expect(recorder.spans).toEqual([]);

    subscription.unsubscribe();
    expect(recorder.spans).toHaveLength(1);
    expect(subject.observed).toBe(false);
    expect(values).toEqual([1]);
  });

  test('is handed on as it is where nothing is recorded', () => {
    Recorder.uninstall();
    expect(handle(() => NEVER)).toBe(NEVER);
  });
});

describe('what Nest makes of a result', () => {
  test.each([
    ['that is recorded', undefined],
    ['that is left out', { shouldSample: () => ({ decision: SamplingDecision.NOT_RECORD }) }],
  ])('is handed on in the trace of the handler %s', async (_name, sampler) => {
    if (sampler) {
      recorder = new Recorder(sampler).install();
    }
    let handler: string | undefined;
    const result = handle(() => {
      handler = activeId();
      return Promise.resolve('answer');
    });
    let seen: string | undefined;
    const values = telemetry.follow(result, from(result));
    await new Promise<void>((resolve) => {
      values.subscribe({ next: () => (seen = activeId()), complete: resolve });
    });
    expect(handler).toBeDefined();
    expect(seen).toBe(handler);
    expect(activeId()).toBeUndefined();
  });

  test('is let go when nobody wants it any more', () => {
    const subject = new BehaviorSubject(1);
    const result = handle(() => Promise.resolve());
    telemetry
      .follow(result, subject as Observable<number>)
      .subscribe(() => undefined)
      .unsubscribe();
    expect(subject.observed).toBe(false);
  });

  test('is what it is where nothing is recorded', () => {
    Recorder.uninstall();
    const result = handle(() => Promise.resolve());
    expect(telemetry.follow(result, NEVER)).toBe(NEVER);
    expect(telemetry.follow('no object', NEVER)).toBe(NEVER);
  });
});

test('an object that happens to have a method "subscribe" is a value', () => {
  const value = { subscribe: () => undefined };
  expect(handle(() => value)).toBe(value);
  expect(recorder.spans).toHaveLength(1);
});
