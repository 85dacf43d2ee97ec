import {
  createTraceState,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Meter,
  type SpanContext,
  type SpanOptions,
  type Tracer,
} from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { expect, it } from 'vitest';
import { exportedBy, quotes } from './exported.js';
import { Recorder } from './recorder.js';

// What finds nothing proves nothing, unless it finds what is there.
const MARK = 'marked-secret';

const marked: SpanContext = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: TraceFlags.SAMPLED,
  traceState: createTraceState(`vendor=${MARK}`),
};
const plain: SpanContext = { ...marked, traceState: createTraceState('vendor=plain') };
const tracer = ({ tracerProvider }: Recorder, scope = 'test'): Tracer => tracerProvider.getTracer(scope);
const meter = ({ meterProvider }: Recorder, scope = 'test'): Meter => meterProvider.getMeter(scope);

/** A span that has ended, after it was changed. */
function span(
  recorder: Recorder,
  options: SpanOptions,
  change: (span: ReturnType<Tracer['startSpan']>) => void = () => undefined,
): void {
  const started = tracer(recorder).startSpan('span', options);
  change(started);
  started.end();
}

const PLACES: Record<string, (recorder: Recorder) => void> = {
  'the name of a span': (recorder) => tracer(recorder).startSpan(MARK).end(),
  'an attribute': (recorder) => span(recorder, { attributes: { key: MARK } }),
  'one value of an attribute': (recorder) => span(recorder, { attributes: { key: ['plain', MARK] } }),
  'the key of an attribute': (recorder) => span(recorder, { attributes: { [MARK]: true } }),
  'the name of an event': (recorder) => span(recorder, {}, (one) => one.addEvent(MARK)),
  'an attribute of an event': (recorder) => span(recorder, {}, (one) => one.addEvent('event', { key: MARK })),
  'an exception': (recorder) => span(recorder, {}, (one) => one.recordException(new Error(MARK))),
  'the message of the status': (recorder) =>
    span(recorder, {}, (one) => one.setStatus({ code: SpanStatusCode.ERROR, message: MARK })),
  'an attribute of a link': (recorder) => span(recorder, { links: [{ context: plain, attributes: { key: MARK } }] }),
  'the trace state of a link': (recorder) => span(recorder, { links: [{ context: marked }] }),
  'the trace state of a span': (recorder) =>
    tracer(recorder).startSpan('span', {}, trace.setSpanContext(ROOT_CONTEXT, marked)).end(),
  'the scope of a span': (recorder) => tracer(recorder, MARK).startSpan('span').end(),
  'the name of a metric': (recorder) => meter(recorder).createCounter(MARK).add(1),
  'the description of a metric': (recorder) => meter(recorder).createCounter('count', { description: MARK }).add(1),
  'an attribute of a counter': (recorder) => meter(recorder).createCounter('count').add(1, { key: MARK }),
  'an attribute of a histogram': (recorder) => meter(recorder).createHistogram('time').record(1, { key: MARK }),
  'an attribute of what is observed': (recorder) =>
    meter(recorder)
      .createObservableGauge('size')
      .addCallback((result) => result.observe(1, { key: MARK })),
  'the scope of a metric': (recorder) => meter(recorder, MARK).createCounter('count').add(1),
};

it.each(Object.entries(PLACES))('finds what is in %s', async (_place, put) => {
  const recorder = new Recorder();
  span(recorder, { attributes: { key: 'plain' }, links: [{ context: plain }] });
  meter(recorder).createCounter('plain').add(1, { key: 'plain' });
  expect(quotes(await exportedBy(recorder), [MARK])).toEqual([]);

  put(recorder);
  expect(quotes(await exportedBy(recorder), ['absent', MARK])).toEqual([expect.stringContaining(MARK)]);
});

it('finds what is in the resource', async () => {
  const recorder = new Recorder(undefined, resourceFromAttributes({ key: MARK }));
  span(recorder, {});
  // That of the span, and that of the metrics.
  expect((await exportedBy(recorder)).split(MARK)).toHaveLength(3);
});
