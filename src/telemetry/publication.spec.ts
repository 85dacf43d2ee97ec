import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { AlwaysOffSampler, SamplingDecision } from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { outline, Recorder, notingSampler } from '../../test/telemetry/recorder.js';
import { sourceOf, STREAM } from '../../test/telemetry/source.js';
import type { PublishedMessage, PublishTelemetry } from '../adapter/telemetry-port.js';
import { createTelemetry } from './index.js';

const message: PublishedMessage = {
  stream: STREAM,
  namespace: '/chat',
  type: 'broadcast',
  roomCount: 2,
  deferred: false,
};
const redis = {
  'messaging.system': 'redis',
  'messaging.destination.name': STREAM,
  'server.address': '127.0.0.1',
  'server.port': 6379,
  'socketio.namespace': '/chat',
  'socketio.message.type': 'broadcast',
};

let recorder: Recorder;
beforeEach(() => void (recorder = new Recorder().install()));
afterEach(() => Recorder.uninstall());

function start(): ReturnType<typeof createTelemetry> {
  const telemetry = createTelemetry();
  telemetry.observe(sourceOf());
  return telemetry;
}

/** A message that has found room in the outbox. */
function deferred(
  telemetry: ReturnType<typeof createTelemetry>,
  type: PublishedMessage['type'] = 'broadcast',
): PublishTelemetry {
  const publication = telemetry.publish({ ...message, type, deferred: true });
  publication.accepted();
  return publication;
}

describe('a message that is published', () => {
  test('is a PRODUCER span "xadd {stream}" below the active one, until Redis has answered', () => {
    const telemetry = start();
    const parent = recorder.tracerProvider.getTracer('test').startSpan('handler');
    const publication = context.with(trace.setSpan(ROOT_CONTEXT, parent), () => telemetry.publish(message));

    expect(recorder.spans).toEqual([]);
    publication.published('1700000000000-3');

    expect(outline(recorder.span('xadd socket.io'))).toEqual({
      name: 'xadd socket.io',
      kind: 'PRODUCER',
      attributes: {
        ...redis,
        'messaging.operation.name': 'xadd',
        'messaging.operation.type': 'send',
        'messaging.message.id': '1700000000000-3',
        'socketio.room.count': 2,
      },
      parent: parent.spanContext().spanId,
      links: [],
      error: false,
    });
  });

  test('carries the context of its span', () => {
    const publication = start().publish(message);
    publication.published('1-0');

    const { traceId, spanId } = recorder.span('xadd socket.io').spanContext();
    expect(publication.carrier).toEqual({ traceparent: `00-${traceId}-${spanId}-01` });
  });

  test('shows every attribute but its id to the sampler', () => {
    const seen: unknown[] = [];
    recorder = new Recorder({
      shouldSample: (_context, _traceId, name, _kind, attributes) => {
        seen.push(name, { ...attributes });
        return { decision: 2 };
      },
    }).install();
    start().publish(message).published('1-0');

    const attributes = { ...recorder.span('xadd socket.io').attributes };
    delete attributes['messaging.message.id'];
    expect(seen).toEqual(['xadd socket.io', attributes]);
  });

  const types = ['disconnect_sockets', 'server_side_emit', 'sockets_join', 'sockets_leave', 'fetch_sockets'] as const;
  test.each(types)('that is not sampled tells so to the other nodes, and makes no span: %s', (type) => {
    recorder = new Recorder(new AlwaysOffSampler()).install();
    const publication = start().publish({ ...message, type });
    publication.published('1-0');

    expect(publication.carrier?.traceparent).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-00$/);
    expect(recorder.spans).toEqual([]);
  });

  test.each(['broadcast', 'broadcast_with_ack'] as const)(
    'that is not sampled carries nothing where the other nodes only write to sockets: %s',
    (type) => {
      recorder = new Recorder(new AlwaysOffSampler()).install();
      const publication = start().publish({ ...message, type });
      publication.published('1-0');
      expect(publication.carrier).toBeUndefined();
    },
  );

  test.each([
    ['of this node', undefined],
    ['of another one', true],
  ])('in a trace %s that is not sampled goes on in it, and no sampler is asked', (_whose, isRemote) => {
    const { sampler, asked } = notingSampler(SamplingDecision.RECORD_AND_SAMPLED);
    recorder = new Recorder(sampler).install();
    const telemetry = start();
    const left = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 0, ...(isRemote && { isRemote }) };
    const within = trace.setSpanContext(ROOT_CONTEXT, left);
    const publication = context.with(within, () => telemetry.publish({ ...message, type: 'server_side_emit' }));
    publication.published('1-0');

    expect(publication.carrier).toEqual({ traceparent: `00-${left.traceId}-${left.spanId}-00` });
    expect(asked).toEqual([]);
    expect(recorder.spans).toEqual([]);
  });

  test('in a trace that is not sampled is counted all the same', async () => {
    const telemetry = start();
    const within = trace.setSpanContext(ROOT_CONTEXT, {
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      traceFlags: 0,
    });
    context.with(within, () => telemetry.publish(message)).published('1-0');

    expect(await recorder.values('messaging.client.sent.messages')).toHaveLength(1);
  });

  test('below a span that is recorded and not sampled is a question to the sampler', () => {
    const { sampler, asked } = notingSampler(SamplingDecision.RECORD);
    recorder = new Recorder(sampler).install();
    const telemetry = start();
    const parent = recorder.tracerProvider.getTracer('test').startSpan('handler');
    context.with(trace.setSpan(ROOT_CONTEXT, parent), () => telemetry.publish(message)).published('1-0');
    expect(asked).toEqual(['handler', 'xadd socket.io']);
  });

  test('passes a sampled context of elsewhere on without an SDK, too', () => {
    Recorder.uninstall();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const telemetry = start();
    const ambient = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
    const { carrier } = context.with(trace.setSpanContext(ROOT_CONTEXT, ambient), () => telemetry.publish(message));
    expect(carrier).toEqual({ traceparent: `00-${ambient.traceId}-${ambient.spanId}-01` });
  });

  test('carries nothing without an SDK', () => {
    Recorder.uninstall();
    expect(start().publish(message).carrier).toBeUndefined();
  });

  test('that fails has status ERROR and the type of the error, not its message', () => {
    start()
      .publish(message)
      .failed(Object.assign(new Error('no secret'), { code: 'ECONNREFUSED' }));

    const span = recorder.span('xadd socket.io');
    expect(outline(span).error).toBe(true);
    expect(span.attributes['error.type']).toBe('ECONNREFUSED');
    expect(span.status.message).toBeUndefined();
    expect(span.events).toEqual([]);
  });

  test('is counted', async () => {
    const telemetry = start();
    telemetry.publish(message).published('1-0');
    telemetry.publish({ ...message, type: 'sockets_join' }).failed(new RangeError());

    const xadd = {
      'messaging.system': 'redis',
      'messaging.operation.name': 'xadd',
      'messaging.destination.name': STREAM,
    };
    expect(await recorder.values('messaging.client.sent.messages')).toEqual([
      [{ ...xadd, 'socketio.message.type': 'broadcast' }, 1],
      [{ ...xadd, 'socketio.message.type': 'sockets_join', 'error.type': 'RangeError' }, 1],
    ]);
  });
});

test('a write is measured, however it ends, and no span where nothing has waited', async () => {
  const telemetry = start();
  telemetry.write(STREAM, undefined).end();
  telemetry.write(STREAM, undefined).end(new RangeError());
  telemetry.write(STREAM, [deferred(telemetry)]).end();

  const xadd = {
    'messaging.system': 'redis',
    'messaging.operation.name': 'xadd',
    'messaging.destination.name': STREAM,
  };
  expect(await recorder.histogram('messaging.client.operation.duration')).toEqual([
    { attributes: xadd, count: 2, sum: expect.any(Number) },
    { attributes: { ...xadd, 'error.type': 'RangeError' }, count: 1, sum: expect.any(Number) },
  ]);
  expect(recorder.spans.map(({ name }) => name)).toEqual(['create socket.io', 'xadd socket.io']);
});

describe('a message that goes into the outbox', () => {
  test('is a PRODUCER span "create {stream}" that ends at once', () => {
    const publication = deferred(start());

    const span = recorder.span('create socket.io');
    expect(outline(span)).toEqual({
      name: 'create socket.io',
      kind: 'PRODUCER',
      attributes: { ...redis, 'messaging.operation.name': 'create', 'messaging.operation.type': 'create' },
      parent: undefined,
      links: [],
      error: false,
    });
    expect(publication.carrier?.traceparent).toContain(span.spanContext().spanId);
  });

  test('has status ERROR when it finds no room there, and not when it is given up later', () => {
    const telemetry = start();
    telemetry.publish({ ...message, deferred: true }).failed(new RangeError());
    deferred(telemetry).failed(new TypeError());

    const [refused, accepted] = recorder.spans.map((span) => outline(span));
    expect(refused).toMatchObject({
      name: 'create socket.io',
      error: true,
      attributes: { 'error.type': 'RangeError' },
    });
    expect(accepted).toMatchObject({ name: 'create socket.io', error: false });
    expect(recorder.spans).toHaveLength(2);
  });

  test('is counted when Redis has it', async () => {
    const publication = deferred(start());
    expect(await recorder.values('messaging.client.sent.messages')).toEqual([]);

    publication.published('1-0');
    expect(await recorder.values('messaging.client.sent.messages')).toHaveLength(1);
    expect(recorder.spans).toHaveLength(1);
  });
});

describe('the outbox', () => {
  test('is flushed in a CLIENT span "xadd {stream}" of its own trace, with links to what is in it', async () => {
    const telemetry = start();
    const active = recorder.tracerProvider.getTracer('test').startSpan('somebody else');
    const [first, second] = [deferred(telemetry), deferred(telemetry, 'sockets_join')];
    const creations = recorder.spans.map((span) => span.spanContext().spanId);
    const flush = context.with(trace.setSpan(ROOT_CONTEXT, active), () => telemetry.write(STREAM, [first, second]));
    flush.end();

    expect(outline(recorder.span('xadd socket.io'))).toEqual({
      name: 'xadd socket.io',
      kind: 'CLIENT',
      attributes: {
        'messaging.system': 'redis',
        'messaging.destination.name': STREAM,
        'messaging.operation.name': 'xadd',
        'messaging.operation.type': 'send',
        'messaging.batch.message_count': 2,
        'server.address': '127.0.0.1',
        'server.port': 6379,
        'socketio.namespace': '/chat',
      },
      parent: undefined,
      links: creations,
      error: false,
    });
    expect(await recorder.histogram('messaging.client.operation.duration')).toHaveLength(1);
  });

  test('has 128 links at most', () => {
    const telemetry = start();
    const publications = Array.from({ length: 200 }, () => deferred(telemetry));
    telemetry.write(STREAM, publications).end(new Error());

    const span = recorder.span('xadd socket.io');
    expect(span.links).toHaveLength(128);
    expect(span.droppedLinksCount).toBe(0);
    expect(span.attributes['messaging.batch.message_count']).toBe(200);
    expect(outline(span).error).toBe(true);
  });
});
