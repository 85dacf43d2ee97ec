// A process with metrics to scrape, in which everything happens that a node can report, over and over. Prints its port.
import { metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { createTelemetry } from '../../src/telemetry/index.js';
import { freePort } from '../../src/testing/free-port.js';
import { drive, happen } from './drive.js';

const port = await freePort();
const exporter = new PrometheusExporter({ host: '127.0.0.1', port, preventServerStart: true });
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [exporter] }));
await exporter.startServer();

const telemetry = createTelemetry();
drive(telemetry);
setInterval(() => happen(telemetry), 200);
console.log(port);
