// A Socket.IO server in a process of its own, traced, and driven by TraceNode (trace-cluster.ts) over the IPC channel.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, metrics, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { ExportResultCode } from '@opentelemetry/core';
import { InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import { createAdapter } from '../../src/adapter/create-adapter.js';
import { createTelemetry } from '../../src/telemetry/index.js';
import { outline } from './recorder.js';
import { instrumentRedis } from './redis-instrumentation.js';

export interface NodeSpan extends ReturnType<typeof outline> {
  traceId: string;
  spanId: string;
}
export type Message = { span: NodeSpan } | { id: number; value?: unknown; error?: string };

const say = (message: Message): void => void process.send?.(message);

const exporter = new InMemoryMetricExporter(1);
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
trace.setGlobalTracerProvider(
  new BasicTracerProvider({
    spanProcessors: [
      new SimpleSpanProcessor({
        export: (spans, done) => {
          for (const span of spans) {
            const { traceId, spanId } = span.spanContext();
            say({ span: { ...outline(span), traceId, spanId } });
          }
          done({ code: ExportResultCode.SUCCESS });
        },
        shutdown: () => Promise.resolve(),
      }),
    ],
  }),
);
instrumentRedis();

const redis = createClient({ url: process.env.TRACED_REDIS! });
redis.on('error', () => undefined);
const adapter = createAdapter(redis, { telemetry: createTelemetry(), blockTimeInMs: 50, heartbeatInterval: 500 });
const httpServer = createServer();
const io = new Server(httpServer, { adapter, connectionStateRecovery: {} } as object);
io.on('serverSide', (_text: string, answer: (text: string) => void) => answer('answer'));

const operations: Record<string, (...args: string[]) => unknown> = {
  async start() {
    await adapter.ready(io);
    await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(httpServer.address() as AddressInfo).port}`;
  },
  join: (id = '', room = '') => io.sockets.sockets.get(id)?.join(room),
  emit: (room = '', text = '') => io.to(room).emit('message', text),
  fetchSockets: async () => (await io.fetchSockets()).length,
  serverSideEmit: () => io.serverSideEmitWithAck('serverSide', 'question'),
  broadcastWithAck: () => io.timeout(5_000).emitWithAck('question'),
  states: () => adapter.snapshot().flatMap(({ connections }) => connections.map(({ state }) => state)),
  async metrics() {
    exporter.reset();
    await reader.forceFlush();
    return exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
  },
};

process.on('disconnect', () => process.exit());
process.on('message', ({ id, operation, args }: { id: number; operation: string; args: string[] }) => {
  const run = async (): Promise<unknown> => operations[operation]?.(...args);
  // As a gateway does, everything that emits is done inside a span.
  const action = trace.getTracer('test').startSpan(`action ${operation}`, {}, ROOT_CONTEXT);
  context
    .with(trace.setSpan(ROOT_CONTEXT, action), run)
    .then(
      (value) => say({ id, value: JSON.parse(JSON.stringify(value ?? null)) as unknown }),
      (error: Error) => say({ id, error: error.message }),
    )
    .finally(() => action.end());
});
