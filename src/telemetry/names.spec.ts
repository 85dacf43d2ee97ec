import { readFileSync } from 'node:fs';
import type { Attributes } from '@opentelemetry/api';
import * as conventions from '@opentelemetry/semantic-conventions/incubating';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { documentedMetrics, documentedSpans, emittedMetrics, emittedSpans } from '../../test/telemetry/contract.js';
import { drive } from '../../test/telemetry/drive.js';
import { Recorder } from '../../test/telemetry/recorder.js';
import { AttributeName, createTelemetry, MetricName, SpanName } from './index.js';

const recorder = new Recorder();
let metrics: Awaited<ReturnType<Recorder['metrics']>>;

beforeAll(async () => {
  recorder.install();
  drive(createTelemetry());
  metrics = await recorder.metrics();
});
afterAll(() => Recorder.uninstall());

describe('spans', () => {
  test('that are emitted, their kinds and attributes, are those of docs/telemetry.md, one by one', () => {
    expect(emittedSpans(recorder.spans)).toEqual(documentedSpans());
  });

  test('have the names that are exported', () => {
    const operations = recorder.spans.map(({ name }) => name.slice(0, name.indexOf(' ')));
    expect(new Set(operations)).toEqual(new Set(Object.values(SpanName)));
  });
});

describe('metrics', () => {
  test('that are emitted, their instruments, units and attributes, are those of docs/telemetry.md, one by one', () => {
    expect(emittedMetrics(metrics)).toEqual(documentedMetrics());
  });

  test('have the names that are exported', () => {
    expect(new Set(metrics.map(({ descriptor }) => descriptor.name))).toEqual(new Set(Object.values(MetricName)));
  });
});

test('attributes that are emitted are those that are exported', () => {
  const points = metrics.flatMap(({ dataPoints }) => dataPoints as Array<{ attributes: Attributes }>);
  const emitted = new Set([...recorder.spans, ...points].flatMap(({ attributes }) => Object.keys(attributes)));
  expect(emitted).toEqual(new Set(Object.values(AttributeName)));
});

test('names that are not of the package are those of the conventions; those of the package begin with "socketio."', () => {
  const theirs = new Set<unknown>(Object.values(conventions));
  const ours = [...Object.values(AttributeName), ...Object.values(MetricName)].filter((name) => !theirs.has(name));
  expect(ours.filter((name) => !name.startsWith('socketio.'))).toEqual([]);
});

test('the scope is the package', () => {
  const { name } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { name: string };
  expect(new Set(recorder.spans.map((span) => span.instrumentationScope.name))).toEqual(new Set([name]));
});
