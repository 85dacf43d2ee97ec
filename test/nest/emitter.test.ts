import { Body, Controller, Injectable, Module, Post, type OnModuleDestroy, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Transport } from '@nestjs/microservices';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RedisStreams, RedisStreamsEmitter, RedisStreamsModule } from '../../src/module/index.js';
import { freePort } from '../../src/testing/free-port.js';
import type { RedisServer } from '../../src/testing/index.js';
import { startRedis, waitFor } from '../harness/index.js';
import { Recorder } from '../telemetry/recorder.js';
import { AdminGateway, ChatGateway, gatewayOnPort, LogLines, startApp } from './fixtures/index.js';

interface ToClients {
  said: (text: string) => void;
}

@Controller()
class Jobs implements OnModuleDestroy {
  constructor(private readonly emitter: RedisStreamsEmitter<ToClients>) {}

  @Post()
  @MessagePattern('say')
  async say(@Body() { text }: { text: string }): Promise<{ id: string }> {
    return { id: await this.emitter.emit('said', text) };
  }

  onModuleDestroy(): void {
    void this.emitter.emit('said', 'the end');
  }
}

/** The module of a process in which there is no Socket.IO server. */
function worker(redis: RedisServer, ...controllers: Type[]): Type {
  @Module({ imports: [RedisStreamsModule.forRoot({ url: redis.url, redis: { name: 'worker' } })], controllers })
  class WorkerModule {}
  return WorkerModule;
}

async function workerConnections(redis: RedisServer): Promise<number> {
  const list = String(await redis.command('CLIENT', 'LIST'));
  return list.split('\n').filter((line) => line.includes(' name=worker ')).length;
}

const quiet = { logger: new LogLines(), abortOnError: false };

describe('RedisStreamsEmitter', () => {
  it('emits from an application that serves HTTP only', async () => {
    const redis = await startRedis();
    const client = await (await startApp({ options: { url: redis.url } })).client();
    const app = await NestFactory.create(worker(redis, Jobs), quiet);
    onTestFinished(() => app.close());
    await app.listen(0, '127.0.0.1');
    const response = await fetch(await app.getUrl(), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'hello' }),
    });
    const { id } = (await response.json()) as { id: string };

    expect(await client.next('said')).toEqual([['hello']]);
    expect(await redis.command('XRANGE', 'socket.io', id, id)).toHaveLength(1);
  });

  it('emits from a microservice', async () => {
    const redis = await startRedis();
    const client = await (await startApp({ options: { url: redis.url } })).client();
    const port = await freePort();
    const service = await NestFactory.createMicroservice(worker(redis, Jobs), {
      ...quiet,
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port },
    });
    onTestFinished(() => service.close());
    await service.listen();
    await service.get(Jobs).say({ text: 'hello' });

    expect(await client.next('said')).toEqual([['hello']]);
  });

  it('emits from a worker, and writes what it emitted before it lets Redis go', async () => {
    const redis = await startRedis();
    const client = await (await startApp({ options: { url: redis.url } })).client();
    const context = await NestFactory.createApplicationContext(worker(redis, Jobs), quiet);
    onTestFinished(() => context.close());
    await context.get(Jobs).say({ text: 'hello' });
    expect(await workerConnections(redis)).toBe(2);
    await context.close();

    expect(await client.next('said', 2)).toEqual([['hello'], ['the end']]);
    await waitFor(async () => (await workerConnections(redis)) === 0, { what: 'the connections to end' });
  });

  it('has no connection of its own before it is used', async () => {
    const redis = await startRedis();
    const context = await NestFactory.createApplicationContext(worker(redis), quiet);
    onTestFinished(() => context.close());
    expect(context.get(RedisStreamsEmitter)).toBe(context.get(RedisStreams).emitter);
    // That of the module.
    expect(await workerConnections(redis)).toBe(1);
  });

  it('reaches gateways with a path or a port of their own, each as it is addressed', async () => {
    const redis = await startRedis();
    const port = await freePort();
    const gateways = [ChatGateway, AdminGateway, gatewayOnPort(port)];
    const app = await startApp({ options: { url: redis.url }, gateways });
    const clients = [await app.client(), await app.client({ path: '/admin' }), await app.client({ port })];
    const context = await NestFactory.createApplicationContext(worker(redis), quiet);
    onTestFinished(() => context.close());
    const emitter = context.get(RedisStreamsEmitter);
    const emitters = [emitter, emitter.forServer({ path: '/admin' }), emitter.forServer({ port })];
    for (const [index, each] of emitters.entries()) await each.emit('said', index);
    await Promise.all(emitters.map((each) => each.emit('end')));
    await Promise.all(clients.map((client) => client.next('end')));

    expect(clients.map((client) => client.received('said'))).toEqual([[[0]], [[1]], [[2]]]);
    expect(emitter.forServer({ path: '/admin/' })).toBe(emitters[1]);
    expect(emitter.forServer({})).toBe(emitter);
    await context.close();
    await waitFor(async () => (await workerConnections(redis)) === 0, { what: 'the connections to end' });
    for (const each of [emitter, emitters[1]!, emitter.forServer({ path: '/late' })]) {
      await expect(each.emit('said', 'too late')).rejects.toThrow(/closed/);
    }
  });

  it('belongs to its instance of the module', async () => {
    const redis = await startRedis();
    const imports = [RedisStreamsModule.forRoot({ name: 'chat', url: redis.url, scope: 'chat' })];
    const client = await (await startApp({ imports, name: 'chat' })).client();
    @Injectable()
    class Job {
      constructor(readonly redisStreams: RedisStreams) {}
    }
    @Module({ imports: [RedisStreamsModule.forRoot({ url: redis.url, scope: 'chat' })], providers: [Job] })
    class WorkerModule {}
    const context = await NestFactory.createApplicationContext(WorkerModule, quiet);
    onTestFinished(() => context.close());
    const emitter: RedisStreamsEmitter<ToClients> = context.get(Job).redisStreams.emitter;
    await emitter.emit('said', 'hello');

    expect(await client.next('said')).toEqual([['hello']]);
  });

  it('has its events among those of the application, and in its log', async () => {
    const redis = await startRedis();
    const logger = new LogLines();
    @Module({ imports: [RedisStreamsModule.forRoot({ url: redis.url, outboxMaxLen: 1 })] })
    class WorkerModule {}
    const context = await NestFactory.createApplicationContext(WorkerModule, { ...quiet, logger });
    onTestFinished(() => context.close());
    const { emitter, events } = context.get(RedisStreams);
    await emitter.emit('said');
    const told: unknown[] = [];
    events.on('outboxOverflow', (event) => told.push(event));
    await redis.pause();
    const waiting = emitter.emit('said');
    await expect(emitter.emit('said')).rejects.toMatchObject({ name: 'OutboxFullError' });

    expect(told).toEqual([{ waiting: 1, limit: 'outboxMaxLen' }]);
    expect(logger.matching(/^error: The outbox is full.*\(emitter\)$/)).toHaveLength(1);
    await redis.resume();
    await waiting;
  });

  it('begins the trace that goes on in the nodes', async () => {
    const recorder = new Recorder().install();
    onTestFinished(() => Recorder.uninstall());
    const redis = await startRedis();
    const client = await (await startApp({ options: { url: redis.url } })).client();
    const context = await NestFactory.createApplicationContext(worker(redis), quiet);
    onTestFinished(() => context.close());
    const emitter = context.get(RedisStreamsEmitter);
    // What is emitted before Redis is reached waits in the outbox.
    await emitter.ready();
    const id = await emitter.emit('said', 'hello');
    await client.next('said');
    await waitFor(() => recorder.spans.some(({ name }) => name === 'process socket.io'), {
      what: 'the span of the node',
    });

    const publication = recorder.span('xadd socket.io');
    const delivery = recorder.span('process socket.io');
    expect(publication.attributes).toMatchObject({ 'messaging.message.id': id, 'server.port': redis.port });
    expect(delivery.attributes).toMatchObject({ 'socketio.node.uid': 'emitter', 'socketio.delivered.count': 1 });
    expect(delivery.parentSpanContext?.spanId).toBe(publication.spanContext().spanId);
  });
});
