/** Ways to run with telemetry, by name; each sets up what an application would have set up. */
const sdk = async (ratio, withTraces) => {
  const { metrics, trace, context } = await import('@opentelemetry/api');
  const { AsyncLocalStorageContextManager } = await import('@opentelemetry/context-async-hooks');
  const { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } =
    await import('@opentelemetry/sdk-metrics');
  const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 10_000 });
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  if (!withTraces) return;
  const { BasicTracerProvider, BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler } =
    await import('@opentelemetry/sdk-trace-base');
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const drop = { export: (_spans, done) => done({ code: 0 }), shutdown: async () => undefined };
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
      spanProcessors: [new BatchSpanProcessor(drop)],
    }),
  );
};

/** An application with an SDK that traces anything pays for it everywhere: from the first context on, all promises and timers are followed. */
const BESIDE_AN_SDK = 'telemetry: false, beside an SDK';

export const TELEMETRY = {
  'telemetry: false': undefined,
  [BESIDE_AN_SDK]: async () => {
    await sdk(1, true);
    const { context, ROOT_CONTEXT } = await import('@opentelemetry/api');
    context.with(ROOT_CONTEXT, () => undefined);
  },
  'no SDK': async () => undefined,
  'metrics alone': () => sdk(0, false),
  'metrics, 0 % of the traces': () => sdk(0, true),
  'metrics, 1 % of the traces': () => sdk(0.01, true),
  'metrics, all traces': () => sdk(1, true),
};

/** What is given to the adapter as its telemetry, if anything. */
export async function telemetryOf(name) {
  const setUp = TELEMETRY[name];
  if (setUp === undefined) return undefined;
  await setUp();
  if (name === BESIDE_AN_SDK) return undefined;
  const { createTelemetry } = await import('nestjs-redis-streams-adapter');
  return createTelemetry();
}
