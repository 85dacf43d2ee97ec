import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { outline, Recorder } from '../../test/telemetry/recorder.js';
import { sourceOf, STREAM } from '../../test/telemetry/source.js';
import type { RestoreTelemetry } from '../adapter/telemetry-port.js';
import { createTelemetry } from './index.js';

let recorder: Recorder;
let telemetry: ReturnType<typeof createTelemetry>;
beforeEach(() => {
  recorder = new Recorder().install();
  telemetry = createTelemetry();
  telemetry.observe(sourceOf());
});
afterEach(() => Recorder.uninstall());

/** Runs `run` inside a span, whose id it returns. */
function inSpan(run: () => void): string {
  const span = recorder.tracerProvider.getTracer('test').startSpan('active');
  context.with(trace.setSpan(ROOT_CONTEXT, span), run);
  return span.spanContext().spanId;
}

describe('a request to the other nodes', () => {
  test('is an INTERNAL span "request {type}" below the active one, with what was expected and received', () => {
    const parent = inSpan(() => telemetry.request('/chat', 'fetch_sockets').end(3, 2));
    expect(outline(recorder.span('request fetch_sockets'))).toEqual({
      name: 'request fetch_sockets',
      kind: 'INTERNAL',
      attributes: {
        'socketio.namespace': '/chat',
        'socketio.adapter.request.type': 'fetch_sockets',
        'socketio.adapter.request.expected_responses': 3,
        'socketio.adapter.request.received_responses': 2,
      },
      parent,
      links: [],
      error: false,
    });
  });

  test('is the parent of what is published for it', () => {
    const request = telemetry.request('/chat', 'broadcast_with_ack');
    request.run(() =>
      telemetry
        .publish({ stream: STREAM, namespace: '/chat', type: 'broadcast_with_ack', roomCount: 0, deferred: false })
        .published('1-0'),
    );
    request.end(1, 1);

    const { spanId } = recorder.span('request broadcast_with_ack').spanContext();
    expect(outline(recorder.span('xadd socket.io')).parent).toBe(spanId);
  });

  test('is measured, and the responses that did not come are counted', async () => {
    telemetry.request('/', 'server_side_emit').end(3, 3);
    telemetry.request('/', 'fetch_sockets').end(3, 1, Object.assign(new Error(), { name: 'TimeoutError' }));

    const type = 'socketio.adapter.request.type';
    expect(await recorder.histogram('socketio.adapter.request.duration')).toEqual([
      { attributes: { [type]: 'server_side_emit' }, count: 1, sum: expect.any(Number) },
      { attributes: { [type]: 'fetch_sockets', 'error.type': 'timeout' }, count: 1, sum: expect.any(Number) },
    ]);
    expect(await recorder.values('socketio.adapter.request.missing_responses')).toEqual([
      [{ [type]: 'fetch_sockets' }, 2],
    ]);
    expect(outline(recorder.span('request fetch_sockets')).error).toBe(true);
  });
});

describe('a heartbeat', () => {
  test('that is sent is a CLIENT span "heartbeat {destination}" of its own trace', () => {
    inSpan(() => telemetry.heartbeatSent('socket.io#heartbeat').end());
    expect(outline(recorder.span('heartbeat socket.io#heartbeat'))).toEqual({
      name: 'heartbeat socket.io#heartbeat',
      kind: 'CLIENT',
      attributes: {
        'messaging.system': 'redis',
        'messaging.destination.name': 'socket.io#heartbeat',
        'messaging.operation.name': 'heartbeat',
        'messaging.operation.type': 'send',
        'server.address': '127.0.0.1',
        'server.port': 6379,
        'socketio.message.type': 'heartbeat',
      },
      parent: undefined,
      links: [],
      error: false,
    });
  });

  test('that is received is none', () => {
    telemetry.heartbeatReceived(5_000);
    expect(recorder.spans).toEqual([]);
  });

  test('makes no span when that is switched off', async () => {
    const quiet = createTelemetry({ heartbeatSpans: false });
    quiet.observe(sourceOf());
    quiet.heartbeatSent('socket.io#heartbeat').end();
    expect(recorder.spans).toEqual([]);
    expect(await recorder.values('socketio.adapter.heartbeats')).toHaveLength(1);
  });

  test('is counted in both directions, and the silence before it is measured', async () => {
    telemetry.heartbeatSent('c').end();
    telemetry.heartbeatSent('c').end(new RangeError());
    telemetry.heartbeatReceived(undefined);
    telemetry.heartbeatReceived(5_200);

    const direction = 'socketio.adapter.heartbeat.direction';
    expect(await recorder.values('socketio.adapter.heartbeats')).toEqual([
      [{ [direction]: 'sent' }, 1],
      [{ [direction]: 'received' }, 2],
      [{ [direction]: 'sent', 'error.type': 'RangeError' }, 1],
    ]);
    expect(await recorder.histogram('socketio.adapter.heartbeat.gap')).toEqual([
      { attributes: {}, count: 1, sum: 5.2 },
    ]);
  });
});

test('a change of membership is an INTERNAL span of its own trace, and counted', async () => {
  inSpan(() => telemetry.transition('lost', 'node-b', 2));
  expect(outline(recorder.span('cluster.transition lost'))).toEqual({
    name: 'cluster.transition lost',
    kind: 'INTERNAL',
    attributes: {
      'socketio.adapter.cluster.transition': 'lost',
      'socketio.node.uid': 'node-b',
      'socketio.adapter.cluster.size': 2,
    },
    parent: undefined,
    links: [],
    error: false,
  });
  expect(await recorder.values('socketio.adapter.cluster.transitions')).toEqual([
    [{ 'socketio.adapter.cluster.transition': 'lost' }, 1],
  ]);
});

test('a lost connection is an INTERNAL span of its own trace until it is ready again, and then counted', async () => {
  let operation;
  inSpan(() => (operation = telemetry.reconnect('reader')));
  expect(await recorder.values('socketio.adapter.redis.reconnections')).toEqual([]);

  (operation as unknown as { end(): void }).end();
  expect(outline(recorder.span('redis.reconnect reader'))).toEqual({
    name: 'redis.reconnect reader',
    kind: 'INTERNAL',
    attributes: { 'socketio.adapter.redis.role': 'reader' },
    parent: undefined,
    links: [],
    error: false,
  });

  telemetry.reconnect('writer').end(new Error('closed for good'));
  expect(outline(recorder.span('redis.reconnect writer')).error).toBe(true);
  expect(await recorder.values('socketio.adapter.redis.reconnections')).toEqual([
    [{ 'socketio.adapter.redis.role': 'reader' }, 1],
  ]);
});

describe('a session', () => {
  const restored: Parameters<RestoreTelemetry['end']>[0] = {
    outcome: 'restored',
    source: 'memory',
    missedPackets: 7,
    scannedEntries: 40,
  };

  test('that is saved is an INTERNAL span "persist_session {namespace}" below the active one, and measured', async () => {
    const parent = inSpan(() => telemetry.persistSession('/chat').end());
    telemetry.persistSession('/admin').end(new RangeError());

    expect(outline(recorder.span('persist_session /chat'))).toEqual({
      name: 'persist_session /chat',
      kind: 'INTERNAL',
      attributes: { 'socketio.namespace': '/chat' },
      parent,
      links: [],
      error: false,
    });
    expect(outline(recorder.span('persist_session /admin'))).toMatchObject({
      attributes: { 'error.type': 'RangeError' },
      error: true,
    });
    expect(await recorder.histogram('socketio.session.persist.duration')).toEqual([
      { attributes: { 'socketio.namespace': '/chat' }, count: 1, sum: expect.any(Number) },
      {
        attributes: { 'socketio.namespace': '/admin', 'error.type': 'RangeError' },
        count: 1,
        sum: expect.any(Number),
      },
    ]);
  });

  test('that is looked for is an INTERNAL span "restore_session {namespace}" with what came of it', () => {
    const parent = inSpan(() => telemetry.restoreSession('/chat').end(restored));
    expect(outline(recorder.span('restore_session /chat'))).toEqual({
      name: 'restore_session /chat',
      kind: 'INTERNAL',
      attributes: {
        'socketio.namespace': '/chat',
        'socketio.session.outcome': 'restored',
        'socketio.session.source': 'memory',
        'socketio.session.missed_packets': 7,
        'socketio.session.scanned_entries': 40,
      },
      parent,
      links: [],
      error: false,
    });
  });

  test('that is looked for is counted and measured; missed packets only of those that were restored', async () => {
    telemetry.restoreSession('/chat').end(restored);
    telemetry.restoreSession('/chat').end({
      outcome: 'error',
      source: undefined,
      missedPackets: 0,
      scannedEntries: 0,
      error: Object.assign(new Error('OOM command not allowed'), { name: 'SimpleError' }),
    });

    const chat = { 'socketio.namespace': '/chat' };
    const good = { ...chat, 'socketio.session.outcome': 'restored', 'socketio.session.source': 'memory' };
    const bad = { ...chat, 'socketio.session.outcome': 'error' };
    expect(await recorder.values('socketio.session.restores')).toEqual([
      [good, 1],
      [bad, 1],
    ]);
    expect(await recorder.histogram('socketio.session.restore.duration')).toEqual([
      { attributes: good, count: 1, sum: expect.any(Number) },
      { attributes: { ...bad, 'error.type': 'OOM' }, count: 1, sum: expect.any(Number) },
    ]);
    expect(await recorder.histogram('socketio.session.restore.missed_packets')).toEqual([
      { attributes: { ...chat, 'socketio.session.source': 'memory' }, count: 1, sum: 7 },
    ]);
  });

  test('that another node is asked for is saved there in the trace of the client that has come back', () => {
    const restore = telemetry.restoreSession('/chat');
    const carrier = restore.run(() => telemetry.carry())!;
    inSpan(() => telemetry.within(carrier, () => telemetry.persistSession('/chat').end()));
    restore.end(restored);

    const restoration = recorder.span('restore_session /chat').spanContext();
    const persistence = recorder.span('persist_session /chat');
    expect(persistence.parentSpanContext).toMatchObject({ traceId: restoration.traceId, spanId: restoration.spanId });
  });

  test('that another node is asked for outside of any trace, or with nonsense for one, is saved in none', () => {
    expect(telemetry.carry()).toBeUndefined();
    for (const carrier of [{}, { traceparent: 'nonsense' }, { traceparent: 7 } as never]) {
      inSpan(() => telemetry.within(carrier, () => telemetry.persistSession('/chat').end()));
    }
    expect(recorder.spans.filter(({ name }) => name === 'persist_session /chat')).toHaveLength(3);
    for (const { parentSpanContext } of recorder.spans) expect(parentSpanContext).toBeUndefined();
  });

  test('of a dynamic namespace is recorded as "_dynamic", by name only in the attribute of its span', async () => {
    telemetry.restoreSession('/dynamic-4711').end(restored);
    telemetry.persistSession('/dynamic-4711').end();

    expect(recorder.span('restore_session _dynamic').attributes['socketio.namespace']).toBe('/dynamic-4711');
    expect(recorder.span('persist_session _dynamic').attributes['socketio.namespace']).toBe('/dynamic-4711');
    expect(JSON.stringify(await recorder.metrics())).not.toContain('4711');
    expect(await recorder.values('socketio.session.restores')).toMatchObject([
      [{ 'socketio.namespace': '_dynamic' }, 1],
    ]);
  });
});
