import type { Histogram } from '@opentelemetry/sdk-metrics';
import { DataPointType, type DataPoint } from '@opentelemetry/sdk-metrics';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { drive } from '../../test/telemetry/drive.js';
import { Recorder } from '../../test/telemetry/recorder.js';
import { sourceOf, STREAM } from '../../test/telemetry/source.js';
import { createTelemetry } from './index.js';

const DURATION = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

let recorder: Recorder;
beforeEach(() => void (recorder = new Recorder().install()));
afterEach(() => Recorder.uninstall());

describe('histograms have the buckets of the contract', () => {
  test.each([
    ['messaging.client.operation.duration', DURATION],
    ['messaging.process.duration', DURATION],
    [
      'socketio.adapter.message.delivery.duration',
      [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 10, 30, 60],
    ],
    ['socketio.adapter.request.duration', DURATION],
    ['socketio.adapter.heartbeat.gap', [0.5, 1, 2.5, 4, 5, 5.5, 6, 7.5, 10, 15, 20, 30, 60]],
    ['socketio.session.persist.duration', DURATION],
    ['socketio.session.restore.duration', DURATION],
    ['socketio.session.restore.missed_packets', [0, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000]],
  ])('%s', async (name, boundaries) => {
    drive(createTelemetry());
    const points = (await recorder.metric(name))?.dataPoints as DataPoint<Histogram>[];
    expect(points[0]?.value.buckets.boundaries).toEqual(boundaries);
  });
});

test('gauges rise and fall, counters only rise', async () => {
  drive(createTelemetry());
  const kinds = (await recorder.metrics()).map((metric) => [
    metric.descriptor.name,
    metric.dataPointType === DataPointType.SUM
      ? metric.isMonotonic
        ? 'counter'
        : 'up-down counter'
      : DataPointType[metric.dataPointType],
  ]);
  expect(Object.fromEntries(kinds)).toMatchObject({
    'messaging.client.sent.messages': 'counter',
    'socketio.adapter.polls': 'counter',
    'socketio.adapter.stream.lag': 'GAUGE',
    'socketio.adapter.stream.length': 'GAUGE',
    'socketio.adapter.stream.retention': 'GAUGE',
    'socketio.adapter.cluster.size': 'GAUGE',
    'socketio.adapter.outbox.size': 'up-down counter',
    'socketio.adapter.redis.status': 'up-down counter',
    'socketio.adapter.connections': 'up-down counter',
    'socketio.session.restores': 'counter',
  });
});

describe('counters of closed sets start at 0 with the node', () => {
  async function zeros(name: string, attribute: string): Promise<unknown[]> {
    createTelemetry().observe(sourceOf());
    const points = ((await recorder.metric(name))?.dataPoints ?? []) as DataPoint<number>[];
    expect(points.every(({ value }) => value === 0)).toBe(true);
    return points.map(({ attributes }) => attributes[attribute]);
  }

  test.each([
    ['socketio.adapter.polls', 'socketio.adapter.poll.result', ['messages', 'empty', 'error']],
    [
      'socketio.adapter.message.dropped',
      'socketio.adapter.drop.reason',
      ['outbox_full', 'too_large', 'decode_error', 'gap', 'handler_error'],
    ],
    ['socketio.adapter.message.duplicates', 'messaging.destination.name', [STREAM]],
    ['socketio.adapter.message.skipped', 'messaging.destination.name', [STREAM]],
    [
      'socketio.adapter.request.missing_responses',
      'socketio.adapter.request.type',
      ['fetch_sockets', 'server_side_emit', 'broadcast_with_ack'],
    ],
    ['socketio.adapter.heartbeats', 'socketio.adapter.heartbeat.direction', ['sent', 'received']],
    ['socketio.adapter.cluster.transitions', 'socketio.adapter.cluster.transition', ['joined', 'left', 'lost']],
    ['socketio.adapter.redis.reconnections', 'socketio.adapter.redis.role', ['writer', 'reader', 'subscriber']],
  ])('%s', async (name, attribute, values) => {
    expect(await zeros(name, attribute)).toEqual(values);
  });

  test.each(['messaging.client.sent.messages', 'messaging.client.consumed.messages'])('%s', async (name) => {
    expect(await zeros(name, 'socketio.message.type')).toContain('broadcast');
  });

  test('socketio.session.restores, for each namespace', async () => {
    const outcomes = await zeros('socketio.session.restores', 'socketio.session.outcome');
    expect(new Set(outcomes)).toEqual(new Set(['restored', 'not_found', 'trimmed', 'invalid', 'forbidden', 'error']));
    expect(new Set(await zeros('socketio.session.restores', 'socketio.namespace'))).toEqual(new Set(['/', '_dynamic']));
  });
});
