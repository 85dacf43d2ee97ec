import { metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, NodeTracerProvider, type SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { ATTR_SERVICE_INSTANCE_ID, ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions';
import { NODE } from '../node-identity.js';
import { RecentTraces } from './recent-traces.js';
import { RecentTracesExporter } from './recent-traces.exporter.js';

const resource = resourceFromAttributes({
  [ATTR_SERVICE_NAME]: process.env.OTEL_SERVICE_NAME ?? 'chat',
  [ATTR_SERVICE_INSTANCE_ID]: NODE.name,
});

/** What the page /traces draws. */
export const recentTraces = new RecentTraces();

/** What /metrics answers. */
export const prometheus = new PrometheusExporter({ preventServerStart: true });

const spanProcessors: SpanProcessor[] = [
  new BatchSpanProcessor(new RecentTracesExporter(recentTraces), { scheduledDelayMillis: 250 }),
];
if (process.env.OTEL_EXPORTER_OTLP_ENDPOINT) {
  spanProcessors.push(new BatchSpanProcessor(new OTLPTraceExporter()));
}

const tracerProvider = new NodeTracerProvider({ resource, spanProcessors });
tracerProvider.register();

const meterProvider = new MeterProvider({ resource, readers: [prometheus] });
metrics.setGlobalMeterProvider(meterProvider);

/** Sends what is still to be sent. */
export async function shutdownTelemetry(): Promise<void> {
  await Promise.allSettled([tracerProvider.shutdown(), meterProvider.shutdown()]);
}
