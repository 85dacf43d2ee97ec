// Before Nest, which sets up everything that makes spans and metrics.
import './observability/sdk.js';
import { ConsoleLogger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { RedisStreamsIoAdapter } from 'nestjs-redis-streams-adapter';
import { AppModule } from './app.module.js';
import { NODE } from './node-identity.js';
import { servePage } from './page.js';

// Every node would list its modules, routes and events at the start: what happens later is told in full.
const logger = new ConsoleLogger({ prefix: NODE.name, logLevels: ['warn', 'error', 'fatal'] });
const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger });
app.useWebSocketAdapter(new RedisStreamsIoAdapter(app));
app.enableShutdownHooks();
servePage(app);
await app.listen(process.env.PORT ?? 3000, '127.0.0.1');
logger.setLogLevels(['log', 'warn', 'error', 'fatal']);
process.send?.({ type: 'node:ready' });
