import { readFileSync } from 'node:fs';
import { SpanKind, type Attributes } from '@opentelemetry/api';
import type { InstrumentType, MetricData } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { STREAM } from './source.js';

/** On every span about Redis, as the text above the table says. */
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
/** What the last word of a span's name stands for, in the runs that are compared. */
const PLACEHOLDERS: Record<string, string> = {
  [STREAM]: '{stream}',
  'socket.io#@cluster#': '{destination}',
  '/': '{namespace}',
  '/chat': '{namespace}',
  writer: '{role}',
  reader: '{role}',
  subscriber: '{role}',
  fetch_sockets: '{type}',
  server_side_emit: '{type}',
  broadcast_with_ack: '{type}',
  joined: '{joined|left|lost}',
  left: '{joined|left|lost}',
  lost: '{joined|left|lost}',
};

export type Keys = Record<string, string[]>;
export type MetricRow = [name: string, instrument: string, unit: string, attributes: string[]];

const page = readFileSync(new URL('../../docs/telemetry.md', import.meta.url), 'utf8');

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

/** The attributes of each kind of span, but for `error.type`, which any has that failed. */
export function emittedSpans(spans: readonly ReadableSpan[]): Keys {
  return collect(
    spans.map(({ name, kind, attributes }) => {
      const space = name.indexOf(' ');
      const placeholder = PLACEHOLDERS[name.slice(space + 1)] ?? name.slice(space + 1);
      const { 'error.type': _, ...rest } = attributes;
      return [`${name.slice(0, space)} ${placeholder} ${SpanKind[kind]}`, rest];
    }),
  );
}

/** The same, as docs/telemetry.md has it. */
export function documentedSpans(): Keys {
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

/** Instrument, unit and attributes of each metric, by its name. */
export function emittedMetrics(metrics: readonly MetricData[]): Map<string, MetricRow> {
  const keys = collect(
    metrics.flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ attributes }): [string, Attributes] => [descriptor.name, attributes]),
    ),
  );
  return new Map(
    metrics.map(({ descriptor }) => {
      const { name, unit, type } = descriptor as typeof descriptor & { type: InstrumentType };
      const instrument = type.toLowerCase().replace('up_down', 'up-down').replaceAll('_', ' ');
      return [name, [name, instrument, unit, keys[name] ?? []]];
    }),
  );
}

/** The same, as docs/telemetry.md has it. */
export function documentedMetrics(): Map<string, MetricRow> {
  return new Map(
    table('metric').map(([name, instrument = '', unit = '', attributes]) => {
      const [key = ''] = quoted(name);
      return [key, [key, instrument, unit, quoted(attributes).sort()]];
    }),
  );
}
