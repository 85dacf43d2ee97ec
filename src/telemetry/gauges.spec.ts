import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Recorder } from '../../test/telemetry/recorder.js';
import { sourceOf, STREAM } from '../../test/telemetry/source.js';
import { createTelemetry } from './index.js';

const destination = { 'messaging.destination.name': STREAM };

let recorder: Recorder;
let telemetry: ReturnType<typeof createTelemetry>;
beforeEach(() => {
  recorder = new Recorder().install();
  telemetry = createTelemetry();
});
afterEach(() => {
  vi.useRealTimers();
  Recorder.uninstall();
});

test('streams: lag and retention in seconds, length in entries', async () => {
  telemetry.observe(sourceOf());
  expect(await recorder.values('socketio.adapter.stream.lag')).toEqual([[destination, 0.25]]);
  expect(await recorder.values('socketio.adapter.stream.length')).toEqual([[destination, 10]]);
  expect(await recorder.values('socketio.adapter.stream.retention')).toEqual([[destination, 60]]);
});

test('the cluster, the outbox and the connections', async () => {
  telemetry.observe(sourceOf({ outboxSize: (stream) => (stream === STREAM ? 5 : NaN) }));
  expect(await recorder.values('socketio.adapter.cluster.size')).toEqual([[{}, 3]]);
  expect(await recorder.values('socketio.adapter.outbox.size')).toEqual([[destination, 5]]);
  expect(await recorder.values('socketio.adapter.connections')).toEqual([
    [{ 'socketio.namespace': '/' }, 2],
    [{ 'socketio.namespace': '_dynamic' }, 1],
  ]);
});

test('each connection to Redis is 1 in its state, and 0 in the others', async () => {
  telemetry.observe(sourceOf({ connectionStates: () => [{ role: 'reader', state: 'reconnecting' }] }));
  const points = (await recorder.metric('socketio.adapter.redis.status'))?.dataPoints;
  expect(points?.map(({ attributes, value }) => [attributes['socketio.adapter.redis.state'], value])).toEqual([
    ['connecting', 0],
    ['ready', 0],
    ['reconnecting', 1],
    ['closed', 0],
  ]);
});

test('dynamic namespaces are added up under one name', async () => {
  telemetry.observe(
    sourceOf({
      connections: () => [1, 2, 3].map((n) => ({ namespace: `/dynamic-${n}`, dynamic: true, count: n })),
    }),
  );
  expect(await recorder.values('socketio.adapter.connections')).toEqual([[{ 'socketio.namespace': '_dynamic' }, 6]]);
});

test('a namespace that is no more has no sockets', async () => {
  const namespaces = [{ namespace: '/dynamic-1', dynamic: true, count: 7 }];
  telemetry.observe(sourceOf({ connections: () => namespaces }));
  expect(await recorder.values('socketio.adapter.connections')).toEqual([[{ 'socketio.namespace': '_dynamic' }, 7]]);

  namespaces.length = 0;
  expect(await recorder.values('socketio.adapter.connections')).toEqual([]);
});

test('two Servers in one process are added up, and the smaller view of the cluster is shown', async () => {
  telemetry.observe(sourceOf({ outboxSize: () => 2 }));
  telemetry.observe(sourceOf({ outboxSize: () => 3, clusterSize: () => 1 }));
  expect(await recorder.values('socketio.adapter.cluster.size')).toEqual([[{}, 1]]);
  expect(await recorder.values('socketio.adapter.outbox.size')).toEqual([[destination, 5]]);
  expect(await recorder.values('socketio.adapter.connections')).toMatchObject([
    [{ 'socketio.namespace': '/' }, 4],
    [{ 'socketio.namespace': '_dynamic' }, 2],
  ]);
  expect(await recorder.values('socketio.adapter.redis.status')).toMatchObject([
    [{ 'socketio.adapter.redis.role': 'writer' }, 2],
    [{ 'socketio.adapter.redis.role': 'reader' }, 2],
    [{ 'socketio.adapter.redis.role': 'subscriber' }, 2],
  ]);
});

test('those of two telemetry objects are added up, too: a process is one instance', async () => {
  telemetry.observe(sourceOf({ outboxSize: () => 2 }));
  const other = createTelemetry();
  const stop = other.observe(sourceOf({ outboxSize: () => 3, clusterSize: () => 1 }));
  expect(await recorder.values('socketio.adapter.outbox.size')).toEqual([[destination, 5]]);
  expect(await recorder.values('socketio.adapter.cluster.size')).toEqual([[{}, 1]]);

  stop();
  expect(await recorder.values('socketio.adapter.outbox.size')).toEqual([[destination, 2]]);
  expect(await recorder.values('socketio.adapter.cluster.size')).toEqual([[{}, 3]]);
});

test('those that the hook of their telemetry object tells apart are not', async () => {
  telemetry.observe(sourceOf({ outboxSize: () => 2 }));
  createTelemetry({ attributes: () => ({ server: 'orders' }) }).observe(sourceOf({ outboxSize: () => 3 }));
  expect(await recorder.values('socketio.adapter.outbox.size')).toEqual([
    [destination, 2],
    [{ ...destination, server: 'orders' }, 3],
  ]);
});

test('nothing is left of the last node that has stopped', async () => {
  const stop = telemetry.observe(sourceOf({ outboxSize: () => 2 }));
  await recorder.metrics();
  stop();
  for (const name of ['cluster.size', 'outbox.size', 'redis.status', 'connections']) {
    const points = (await recorder.metric(`socketio.adapter.${name}`))?.dataPoints ?? [];
    expect(points.map(({ value }) => value)).not.toEqual([]);
    expect(points.filter(({ value }) => value !== 0)).toEqual([]);
  }
});

test('an emitter, which is no node, has an outbox and a connection, but no view of the cluster', async () => {
  const emitter = {
    ...sourceOf({ clusterSize: () => undefined, outboxSize: () => 3, connections: () => [] }),
    connectionStates: () => [{ role: 'writer', state: 'ready' } as const],
    streams: () => Promise.resolve([]),
  };
  telemetry.observe(emitter);
  expect(await recorder.values('socketio.adapter.cluster.size')).toEqual([]);
  expect(await recorder.values('socketio.adapter.outbox.size')).toEqual([[destination, 3]]);
  expect(await recorder.values('socketio.adapter.redis.status')).toMatchObject([
    [{ 'socketio.adapter.redis.role': 'writer' }, 1],
  ]);
  // what it never does is not counted: heartbeats that do not come are an alarm
  const exported = (await recorder.metrics()).filter(({ dataPoints }) => dataPoints.length > 0);
  expect(exported.map(({ descriptor }) => descriptor.name).sort()).toEqual([
    'messaging.client.sent.messages',
    'socketio.adapter.message.dropped',
    'socketio.adapter.outbox.size',
    'socketio.adapter.redis.reconnections',
    'socketio.adapter.redis.status',
  ]);

  telemetry.observe(sourceOf());
  expect(await recorder.values('socketio.adapter.cluster.size')).toEqual([[{}, 3]]);
});

test('a Redis that is away or does not answer costs the gauges of the streams, nothing else', async () => {
  const stop = telemetry.observe(sourceOf({ streams: () => Promise.reject(new Error('away')) }));
  expect(await recorder.values('socketio.adapter.cluster.size')).toHaveLength(1);
  expect(await recorder.values('socketio.adapter.stream.lag')).toEqual([]);
  stop();

  telemetry.observe(sourceOf({ streams: () => new Promise(() => undefined) }));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const collected = recorder.metric('socketio.adapter.cluster.size');
  await vi.advanceTimersByTimeAsync(1_000);
  expect((await collected)?.dataPoints).toHaveLength(1);
});

test('a node that has stopped is not asked any more', async () => {
  const source = sourceOf();
  const asked = vi.spyOn(source, 'connections');
  const stop = telemetry.observe(source);
  await recorder.metrics();
  expect(asked).toHaveBeenCalledTimes(1);

  stop();
  await recorder.metrics();
  expect(asked).toHaveBeenCalledTimes(1);

  telemetry.observe(source);
  await recorder.metrics();
  expect(asked).toHaveBeenCalledTimes(2);
});
