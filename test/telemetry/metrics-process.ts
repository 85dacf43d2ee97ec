// Two nodes with metrics to scrape and a client that comes and goes, in one process. What a dashboard is looked at for
// happens over and over: broadcasts, requests, those that fail, sessions. Prints the port of the metrics.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import { createAdapter } from '../../src/adapter/create-adapter.js';
import type { RedisStreamsAdapterOptions } from '../../src/adapter/options.js';
import { createTelemetry } from '../../src/telemetry/index.js';
import { freePort } from '../../src/testing/free-port.js';
import { TestClient } from '../harness/test-client.js';

const port = await freePort();
const exporter = new PrometheusExporter({ host: '127.0.0.1', port, preventServerStart: true });
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [exporter] }));
await exporter.startServer();

const telemetry = createTelemetry();

async function startNode(options: RedisStreamsAdapterOptions): Promise<{ io: Server; url: string }> {
  const redis = createClient({ url: process.env.SCRAPED_REDIS! });
  redis.on('error', () => undefined);
  const adapter = createAdapter(redis, { telemetry, heartbeatInterval: 300, requestTimeout: 500, ...options });
  const httpServer = createServer();
  const io = new Server(httpServer, { adapter, connectionStateRecovery: {} } as object);
  await adapter.ready(io);
  await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve));
  return { io, url: `http://127.0.0.1:${(httpServer.address() as AddressInfo).port}` };
}

const [a, b] = await Promise.all([startNode({}), startNode({ outboxMaxLen: 1 })]);
// One question that is answered, and one that never is.
b.io.on('question', (answer: (text: string) => void) => answer('answer'));
b.io.on('silence', () => undefined);

const client = new TestClient(a.url);
await client.connect();
client.socket.on('question', (answer: (text: string) => void) => answer('answer'));

async function round(): Promise<void> {
  const seen = client.received('news').length;
  a.io.emit('news', 'of A');
  // The second one finds the outbox full, for the first has not left it yet.
  b.io.emit('news', 'of B');
  b.io.emit('news', 'too much');
  await client.next('news', seen + 1);
  // On a busy machine any of them may take too long. That is shown then, as it would be in production.
  await Promise.allSettled([
    a.io.fetchSockets(),
    a.io.serverSideEmitWithAck('question'),
    a.io.serverSideEmitWithAck('silence'),
    b.io.timeout(1_000).emitWithAck('question'),
  ]);
  await client.drop();
  await client.connect(client.url === a.url ? b.url : a.url);
}

console.log(port);
for (;;) {
  await round();
  await sleep(50);
}
