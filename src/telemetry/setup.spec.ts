import { context, createContextKey, propagation, ROOT_CONTEXT, trace, type Attributes } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { afterEach, describe, expect, test } from 'vitest';
import { drive, happen } from '../../test/telemetry/drive.js';
import { Recorder } from '../../test/telemetry/recorder.js';
import { sourceOf, STREAM } from '../../test/telemetry/source.js';
import { createTelemetry } from './index.js';

afterEach(() => Recorder.uninstall());

async function expectEverything(recorder: Recorder): Promise<void> {
  expect(recorder.spans.length).toBeGreaterThan(10);
  expect(await recorder.values('socketio.adapter.polls')).toHaveLength(3);
  expect(await recorder.values('socketio.adapter.cluster.size')).toHaveLength(1);
}

/** What an emitter reports of a message. */
function emit(telemetry: ReturnType<typeof createTelemetry>): void {
  const message = { stream: STREAM, namespace: '/', type: 'broadcast', roomCount: 0, deferred: false } as const;
  const publication = telemetry.publish(message);
  publication.accepted();
  telemetry.write(STREAM, undefined).end();
  publication.published('1-0');
}

describe('the SDK may be set up', () => {
  test('before', async () => {
    const recorder = new Recorder().install();
    drive(createTelemetry());
    await expectEverything(recorder);
  });

  test('after: when the adapter runs already', async () => {
    const telemetry = createTelemetry();
    drive(telemetry);
    const recorder = new Recorder().install();
    happen(telemetry);
    await expectEverything(recorder);
  });

  test('never', () => {
    const telemetry = createTelemetry();
    expect(() => drive(telemetry)).not.toThrow();
  });

  test('twice: the second one gets everything, the first one nothing more', async () => {
    const first = new Recorder().install();
    const telemetry = createTelemetry();
    drive(telemetry);
    const spans = first.spans.length;

    const second = new Recorder().install();
    happen(telemetry);
    await expectEverything(second);
    expect(first.spans).toHaveLength(spans);
  });

  test('in a process that only emits', async () => {
    const recorder = new Recorder().install();
    emit(createTelemetry());
    expect(recorder.span('xadd socket.io').attributes).not.toHaveProperty('server.address');
    expect(await recorder.values('messaging.client.sent.messages')).toHaveLength(1);
  });

  test('after the first message of a process that only emits', async () => {
    const telemetry = createTelemetry();
    telemetry.observe(sourceOf());
    emit(telemetry);
    const recorder = new Recorder().install();
    emit(telemetry);
    expect(await recorder.values('messaging.client.sent.messages')).toHaveLength(1);
  });

  test('without being global', async () => {
    const recorder = new Recorder();
    const { tracerProvider, meterProvider } = recorder;
    drive(createTelemetry({ tracerProvider, meterProvider }));
    await expectEverything(recorder);
  });
});

describe('a broken SDK breaks nothing', () => {
  test('a sampler that throws', () => {
    const recorder = new Recorder({
      shouldSample: () => {
        throw new Error('sampler');
      },
    }).install();
    let handled = 0;
    const telemetry = createTelemetry();
    drive(telemetry);
    telemetry.handle('/', 'message', () => (handled += 1));
    expect(handled).toBe(1);
    expect(recorder.spans).toEqual([]);
  });

  test('a span processor that throws', () => {
    const recorder = new Recorder();
    recorder.tracerProvider.getTracer = () => ({
      startSpan: () => {
        const span = trace.wrapSpanContext({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 });
        span.isRecording = () => true;
        span.end = () => {
          throw new Error('processor');
        };
        return span;
      },
      startActiveSpan: () => undefined as never,
    });
    recorder.install();
    expect(() => drive(createTelemetry())).not.toThrow();
  });
});

describe('context', () => {
  test('travels as W3C fields, whatever the propagator of the process', () => {
    const recorder = new Recorder().install();
    propagation.disable();
    const telemetry = createTelemetry();
    telemetry.observe(sourceOf());
    const publication = telemetry.publish({
      stream: STREAM,
      namespace: '/',
      type: 'broadcast',
      roomCount: 0,
      deferred: false,
    });
    publication.published('1-0');
    expect(publication.carrier?.traceparent).toContain(recorder.span('xadd socket.io').spanContext().traceId);
  });

  test('of the caller is not active in what outlives it', () => {
    const recorder = new Recorder().install();
    const key = createContextKey('caller');
    const telemetry = createTelemetry();
    const active = context.with(ROOT_CONTEXT.setValue(key, 'caller'), () =>
      telemetry.background(() => context.active().getValue(key)),
    );
    expect(active).toBeUndefined();
    expect(recorder.spans).toEqual([]);
  });
});

describe('commands of the adapter', () => {
  const command = (recorder: Recorder): unknown =>
    recorder.tracerProvider.getTracer('client').startSpan('redis-XREAD').end();

  test.each([
    ['in a loop', ROOT_CONTEXT],
    ['inside a span', ROOT_CONTEXT.setValue(createContextKey('some'), 'thing')],
    ['inside another command', suppressTracing(ROOT_CONTEXT)],
  ])('make no spans of the client: %s', (_where, active) => {
    const recorder = new Recorder().install();
    const telemetry = createTelemetry();
    context.with(active, () => telemetry.suppress(() => command(recorder)));
    expect(recorder.spans).toEqual([]);
  });

  test('make spans of the client where that is asked for', () => {
    const recorder = new Recorder().install();
    const telemetry = createTelemetry({ suppressRedisSpans: false });
    telemetry.suppress(() => command(recorder));
    expect(recorder.spans.map(({ name }) => name)).toEqual(['redis-XREAD']);
  });

  test('keep the context that they are in', () => {
    new Recorder().install();
    const key = createContextKey('request');
    const telemetry = createTelemetry();
    const seen = context.with(ROOT_CONTEXT.setValue(key, 7), () =>
      telemetry.suppress(() => context.active().getValue(key)),
    );
    expect(seen).toBe(7);
  });
});

describe('more attributes', () => {
  test('are on every span and metric, and replace none of the package', async () => {
    const recorder = new Recorder().install();
    drive(createTelemetry({ attributes: () => ({ team: 'chat', 'messaging.system': 'mine' }) }));
    expect(recorder.spans.every(({ attributes }) => attributes.team === 'chat')).toBe(true);
    expect(recorder.span('xread socket.io').attributes['messaging.system']).toBe('redis');
    for (const metric of await recorder.metrics()) {
      expect(metric.dataPoints.map(({ attributes }) => attributes.team)).not.toContain(undefined);
    }
  });

  test('are asked for once for each combination of a metric, not for each message', () => {
    new Recorder().install();
    const asked: string[] = [];
    const telemetry = createTelemetry({
      attributes: ({ signal, name }) => {
        if (signal === 'metric') {
          asked.push(name);
        }
        return {};
      },
    });
    drive(telemetry);
    const first = asked.length;
    happen(telemetry);
    expect(first).toBeGreaterThan(20);
    expect(asked).toHaveLength(first);
  });

  test('are left out when they are no values of an attribute', async () => {
    const recorder = new Recorder().install();
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const attributes = { team: 'chat', big: 1n, cycle, list: [cycle] } as unknown as Attributes;
    drive(createTelemetry({ attributes: () => attributes }));
    await expectEverything(recorder);
    const [metric] = await recorder.metrics();
    expect(metric!.dataPoints[0]!.attributes).toMatchObject({ team: 'chat' });
    expect(Object.keys(metric!.dataPoints[0]!.attributes)).not.toEqual(expect.arrayContaining(['big']));
  });

  test('are left out when the hook throws', async () => {
    const recorder = new Recorder().install();
    drive(
      createTelemetry({
        attributes: () => {
          throw new Error('hook');
        },
      }),
    );
    await expectEverything(recorder);
  });
});
