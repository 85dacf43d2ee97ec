import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type DataPoint,
} from '@opentelemetry/sdk-metrics';
import { afterEach, describe, expect, test } from 'vitest';
import { sourceOf, STREAM } from '../../test/telemetry/source.js';
import { createTelemetry } from './index.js';

const DUPLICATES = 'socketio.adapter.message.duplicates';

/** An SDK whose exports can be asked for, one after the other. */
class Exports {
  readonly #exporter: InMemoryMetricExporter;
  readonly provider: MeterProvider;

  constructor(temporality: AggregationTemporality) {
    this.#exporter = new InMemoryMetricExporter(temporality);
    this.provider = new MeterProvider({
      // Never by itself within a test.
      readers: [new PeriodicExportingMetricReader({ exporter: this.#exporter, exportIntervalMillis: 3_600_000 })],
    });
  }

  install(): this {
    metrics.disable();
    metrics.setGlobalMeterProvider(this.provider);
    return this;
  }

  /** Collects, and answers the values of the counter, by stream, of which the last reason counts. */
  async next(name = DUPLICATES): Promise<Record<string, number>> {
    this.#exporter.reset();
    await this.provider.forceFlush();
    const points = this.#exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
      .filter(({ descriptor }) => descriptor.name === name)
      .flatMap(({ dataPoints }) => dataPoints as DataPoint<number>[]);
    return Object.fromEntries(
      points.map(({ attributes, value }) => [String(attributes['messaging.destination.name']), value]),
    );
  }
}

const cumulative = (): Exports => new Exports(AggregationTemporality.CUMULATIVE);
const delta = (): Exports => new Exports(AggregationTemporality.DELTA);

function start(): ReturnType<typeof createTelemetry> & { stop(): void } {
  const telemetry = createTelemetry();
  return Object.assign(telemetry, { stop: telemetry.observe(sourceOf()) });
}

function duplicates(telemetry: ReturnType<typeof createTelemetry>, count: number): void {
  for (let i = 0; i < count; i++) {
    telemetry.duplicate(STREAM);
  }
}

afterEach(() => metrics.disable());

describe('what is counted arrives once', () => {
  test('where exports add up', async () => {
    const exports = cumulative().install();
    const telemetry = start();
    expect(await exports.next()).toEqual({ [STREAM]: 0 });
    duplicates(telemetry, 2);
    expect(await exports.next()).toEqual({ [STREAM]: 2 });
    expect(await exports.next()).toEqual({ [STREAM]: 2 });
    duplicates(telemetry, 3);
    expect(await exports.next()).toEqual({ [STREAM]: 5 });
  });

  test('where each export is what came since the one before', async () => {
    const exports = delta().install();
    const telemetry = start();
    duplicates(telemetry, 2);
    expect(await exports.next()).toEqual({ [STREAM]: 2 });
    expect(await exports.next()).toEqual({ [STREAM]: 0 });
    duplicates(telemetry, 3);
    expect(await exports.next()).toEqual({ [STREAM]: 3 });
  });
});

describe.each([
  ['cumulative', cumulative, 5],
  ['delta', delta, 3],
])('nothing is lost or doubled: %s', (_name, create, after2and3) => {
  test('when all nodes have stopped and one starts again', async () => {
    const exports = create().install();
    const telemetry = start();
    duplicates(telemetry, 2);
    await exports.next();
    telemetry.stop();
    duplicates(telemetry, 1);
    telemetry.observe(sourceOf());
    duplicates(telemetry, 2);
    expect(await exports.next()).toEqual({ [STREAM]: after2and3 });
  });

  test('when there are two telemetry objects', async () => {
    const exports = create().install();
    const [first, second] = [start(), start()];
    duplicates(first, 1);
    duplicates(second, 1);
    await exports.next();
    duplicates(first, 1);
    duplicates(second, 2);
    expect(await exports.next()).toEqual({ [STREAM]: after2and3 });
  });

  test('when the SDK is replaced: the first one has what came before, the second one what came after', async () => {
    const first = create().install();
    const telemetry = start();
    duplicates(telemetry, 2);
    await first.next();
    duplicates(telemetry, 3);

    const second = create().install();
    telemetry.poll(STREAM, 'empty');
    duplicates(telemetry, 7);
    expect(await first.next()).toEqual({ [STREAM]: after2and3 });
    expect(await second.next()).toEqual({ [STREAM]: 7 });
  });

  test('when the SDK comes back', async () => {
    const first = create().install();
    const telemetry = start();
    duplicates(telemetry, 2);
    await first.next();
    create().install();
    telemetry.poll(STREAM, 'empty');
    duplicates(telemetry, 7);
    first.install();
    telemetry.poll(STREAM, 'empty');
    duplicates(telemetry, 3);
    expect(await first.next()).toEqual({ [STREAM]: after2and3 });
  });

  test('when the last node has stopped before the last export', async () => {
    const exports = create().install();
    const telemetry = start();
    duplicates(telemetry, 2);
    await exports.next();
    duplicates(telemetry, 3);
    telemetry.stop();
    expect(await exports.next()).toEqual({ [STREAM]: after2and3 });
  });
});

test('a count that is none, or falls, leaves the total as it is', async () => {
  const exports = cumulative().install();
  const telemetry = start();
  telemetry.dropped(STREAM, 'handler_error', Number.NaN);
  telemetry.dropped(STREAM, 'handler_error', -3);
  telemetry.dropped(STREAM, 'handler_error', 4);
  expect(await exports.next('socketio.adapter.message.dropped')).toEqual({ [STREAM]: 4 });
});
