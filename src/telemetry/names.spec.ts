import { readFileSync } from 'node:fs';
import { SpanKind, type Attributes } from '@opentelemetry/api';
import type { InstrumentType } from '@opentelemetry/sdk-metrics';
import * as conventions from '@opentelemetry/semantic-conventions/incubating';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { drive } from '../../test/telemetry/drive.js';
import { Recorder } from '../../test/telemetry/recorder.js';
import { STREAM } from '../../test/telemetry/source.js';
import { AttributeName, createTelemetry, MetricName, SpanName } from './index.js';

// On every span about Redis, as the text above the table says.
const SHARED = [
  'messaging.system',
  'messaging.destination.name',
  'messaging.operation.name',
  'messaging.operation.type',
  'server.address',
  'server.port',
  'socketio.namespace',
  'socketio.message.type',
];
// What the last word of a span's name stands for, in the run that is compared.
const PLACEHOLDERS: Record<string, string> = {
  [STREAM]: '{stream}',
  'socket.io#heartbeat': '{destination}',
  '/': '{namespace}',
  '/chat': '{namespace}',
  writer: '{role}',
  fetch_sockets: '{type}',
  server_side_emit: '{type}',
  broadcast_with_ack: '{type}',
  joined: '{joined|left|lost}',
  lost: '{joined|left|lost}',
};

type Keys = Record<string, string[]>;

const page = readFileSync(new URL('../../docs/telemetry.md', import.meta.url), 'utf8');
const recorder = new Recorder();
let metrics: Awaited<ReturnType<Recorder['metrics']>>;

beforeAll(async () => {
  recorder.install();
  drive(createTelemetry());
  metrics = await recorder.metrics();
});
afterAll(() => Recorder.uninstall());

/** Rows of the table whose heading begins with that cell. */
function table(heading: string): string[][] {
  const [, rows = ''] = page.split(new RegExp(`^\\| ${heading} +\\|.*\\n\\| ---.*\\n`, 'm'));
  const lines = rows.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('|'));
  return lines.slice(0, end).map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('\\|', '|')),
  );
}

function quoted(cell = ''): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);
}

/** Adds the keys of each set of attributes to those that its name has already. */
function collect(sets: Array<[string, Attributes]>): Keys {
  const all = new Map<string, Set<string>>();
  for (const [name, attributes] of sets) {
    all.set(name, new Set([...(all.get(name) ?? []), ...Object.keys(attributes)]));
  }
  return Object.fromEntries([...all].map(([name, keys]) => [name, [...keys].sort()]));
}

function emittedSpans(): Keys {
  return collect(
    recorder.spans.map(({ name, kind, attributes }) => {
      const space = name.indexOf(' ');
      const placeholder = PLACEHOLDERS[name.slice(space + 1)] ?? name.slice(space + 1);
      const { 'error.type': _, ...rest } = attributes;
      return [`${name.slice(0, space)} ${placeholder} ${SpanKind[kind]}`, rest];
    }),
  );
}

function documentedSpans(): Keys {
  return Object.fromEntries(
    table('span').map(([name, kind, , attributes]) => {
      const own = quoted(attributes);
      const redis = !own.includes('socketio.namespace') && /\{(stream|destination)\}/.test(String(name));
      // A heartbeat belongs to no namespace.
      const shared = redis
        ? SHARED.filter((key) => !/heartbeat/.test(String(name)) || key !== 'socketio.namespace')
        : [];
      return [`${quoted(name)[0]} ${kind}`, [...shared, ...own].sort()];
    }),
  );
}

describe('spans', () => {
  test('that are emitted, their kinds and attributes, are those of docs/telemetry.md, one by one', () => {
    expect(emittedSpans()).toEqual(documentedSpans());
  });

  test('have the names that are exported', () => {
    const operations = recorder.spans.map(({ name }) => name.slice(0, name.indexOf(' ')));
    expect(new Set(operations)).toEqual(new Set(Object.values(SpanName)));
  });
});

describe('metrics', () => {
  test('that are emitted, their instruments, units and attributes, are those of docs/telemetry.md, one by one', () => {
    const emitted = metrics.map(({ descriptor, dataPoints }) => {
      const { name, unit, type } = descriptor as typeof descriptor & { type: InstrumentType };
      const instrument = type.toLowerCase().replace('up_down', 'up-down').replaceAll('_', ' ');
      const keys = collect(dataPoints.map(({ attributes }) => [name, attributes]))[name];
      return [name, instrument, unit, keys];
    });
    const documented = table('metric').map(([name, instrument, unit, attributes]) => [
      quoted(name)[0],
      instrument,
      unit,
      quoted(attributes).sort(),
    ]);
    expect(new Map(emitted.map((row) => [row[0], row]))).toEqual(new Map(documented.map((row) => [row[0], row])));
    expect(documented).toHaveLength(emitted.length);
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
