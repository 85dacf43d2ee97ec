import { Controller, Get, Injectable, Module, type DynamicModule } from '@nestjs/common';
import { ModuleRef, NestFactory } from '@nestjs/core';
import { HealthCheck, HealthCheckService, TerminusModule, type HealthCheckResult } from '@nestjs/terminus';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RedisStreamsHealthIndicator } from '../../src/health.js';
import { RedisStreams, RedisStreamsModule, type RedisStreamsModuleOptions } from '../../src/module/index.js';
import type { RedisServer } from '../../src/testing/index.js';
import { startRedis, waitFor } from '../harness/index.js';
import { AdminGateway, ChatGateway, createApp, LogLines, startApp, type App, type Chat } from './fixtures/index.js';

@Controller()
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly redisStreams: RedisStreamsHealthIndicator,
  ) {}

  @Get('health')
  @HealthCheck()
  check(): Promise<HealthCheckResult> {
    return this.health.check([() => this.redisStreams.isHealthy(undefined, { timeout: 20_000 })]);
  }

  @Get('ready')
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    return this.health.check([() => this.redisStreams.isReady('gateways')]);
  }
}

@Module({ imports: [TerminusModule], controllers: [HealthController], providers: [RedisStreamsHealthIndicator] })
class HealthModule {}

const withHealth = (options: RedisStreamsModuleOptions): DynamicModule[] => [
  RedisStreamsModule.forRoot(options),
  { module: HealthModule },
];

interface Report {
  status: 'up' | 'down' | 'degraded';
  reasons?: string[];
  servers: Record<string, Record<string, unknown>>;
}

async function ask(app: App, path: 'health' | 'ready'): Promise<[status: number, report: Report]> {
  const response = await fetch(`${app.url}/${path}`);
  const { details } = (await response.json()) as { details: Record<string, Report> };
  return [response.status, details[path === 'health' ? 'redis-streams' : 'gateways']!];
}

/** Takes a command from everybody, as an operator may by mistake, until the test is over. */
async function forbid(redis: RedisServer, command: string): Promise<void> {
  await redis.command('ACL', 'SETUSER', 'default', `-${command}`);
}

const main = 'path /socket.io';

describe('isHealthy', () => {
  it('is up, with figures', async () => {
    const redis = await startRedis();
    const a = await startApp({ imports: withHealth({ url: redis.url }), gateways: [ChatGateway, AdminGateway] });
    await startApp({ options: { url: redis.url } });
    await a.client();
    await waitFor(async () => (await ask(a, 'health'))[1].servers[main]!['nodes'] === 2);
    const [status, report] = await ask(a, 'health');

    expect(status).toBe(200);
    expect(report).toEqual({
      status: 'up',
      servers: {
        [main]: {
          uid: a.nest.get(RedisStreams).cluster.snapshot().uid,
          joined: true,
          nodes: 2,
          sockets: 1,
          connections: { writer: 'ready', reader: 'ready', subscriber: 'ready' },
          lagMs: 0,
          outboxSize: 0,
          outboxFill: 0,
          heartbeatAgeMs: expect.any(Number) as number,
        },
        'path /admin': expect.objectContaining({ joined: true, nodes: 1, sockets: 0 }) as object,
      },
    });
  });

  it('is degraded while the node is behind the end of the stream', async () => {
    const redis = await startRedis();
    const app = await startApp({ imports: withHealth({ url: redis.url }) });
    await forbid(redis, 'xread');
    const add = (id: string) => redis.command('XADD', 'socket.io', id, 'uid', 'emitter', 'nsp', '/', 'type', '0');
    const now = Date.now();
    // The XREAD that waits still gets it.
    await add(`${now}-0`);
    await waitFor(() => app.nest.get(RedisStreams).snapshot()[0]!.namespaces[0]!.position === `${now}-0`);
    await add(`${now + 6_000}-0`);
    const [status, report] = await ask(app, 'health');

    expect(status).toBe(200);
    expect(report).toMatchObject({
      status: 'degraded',
      reasons: [`The server on ${main}: it is 6000 ms behind the end of the stream (more than 5000)`],
      servers: { [main]: { lagMs: 6_000 } },
    });
  });

  it('is degraded while the outbox fills', async () => {
    const redis = await startRedis();
    const app = await startApp({ imports: withHealth({ url: redis.url, outboxMaxLen: 10 }) });
    await forbid(redis, 'xadd');
    for (let i = 0; i < 3; i++) app.nest.get<Chat>(ChatGateway).server.emit('said', i);
    const [, report] = await ask(app, 'health');

    expect(report).toMatchObject({
      status: 'degraded',
      reasons: [`The server on ${main}: its outbox is 30 % full, with 3 messages (more than 10 %)`],
      servers: { [main]: { outboxSize: 3, outboxFill: 0.3 } },
    });
    expect(
      await app.nest.get(RedisStreamsHealthIndicator).isHealthy('at ease', { maxOutboxFill: 0.5, timeout: 20_000 }),
    ).toMatchObject({
      'at ease': { status: 'up' },
    });
  });

  it('is degraded while its own heartbeats do not come back', async () => {
    const redis = await startRedis();
    const imports = withHealth({ url: redis.url, heartbeatInterval: 20, heartbeatTimeout: 200 });
    const app = await startApp({ imports });
    await forbid(redis, 'publish');
    const [, report] = await waitFor(async () => {
      const answer = await ask(app, 'health');
      return answer[1].status === 'degraded' && answer;
    });

    expect(report.reasons).toEqual([
      expect.stringMatching(
        /^The server on path \/socket\.io: its own heartbeats have not come back for \d+ ms \(more than 200\)$/,
      ),
    ]);
  });

  it('is down while connections are away, and up again afterwards', async () => {
    const redis = await startRedis({ appendOnly: true });
    const app = await startApp({ imports: withHealth({ url: redis.url }) });
    await redis.kill();
    await waitFor(() =>
      app.nest
        .get(RedisStreams)
        .snapshot()[0]!
        .connections.every(({ state }) => state !== 'ready'),
    );
    const [status, report] = await ask(app, 'health');

    expect(status).toBe(503);
    expect(report).toMatchObject({
      status: 'down',
      reasons: ['writer', 'reader', 'subscriber'].map(
        (role) => `The server on ${main}: the ${role}'s connection to Redis is away (reconnecting)`,
      ),
      servers: { [main]: { lagMs: null, connections: { writer: 'reconnecting' } } },
    });
    await redis.restart();
    await waitFor(async () => (await ask(app, 'health'))[0] === 200, { deadline: 15_000 });
  });

  it('is down with what Redis says when it refuses to be asked', async () => {
    const redis = await startRedis();
    const app = await startApp({ imports: withHealth({ url: redis.url }) });
    await forbid(redis, 'xinfo');
    const [, { status, reasons }] = await ask(app, 'health');

    expect(status).toBe('down');
    expect(reasons).toEqual([
      expect.stringMatching(/^The server on path \/socket\.io: Redis cannot be asked for the stream: NOPERM /),
    ]);
  });

  it('is down while Redis does not answer', async () => {
    const redis = await startRedis();
    const app = await startApp({ imports: withHealth({ url: redis.url }) });
    await redis.pause();
    const result = await app.nest.get(RedisStreamsHealthIndicator).isHealthy('stalled', { timeout: 100 });
    await redis.resume();

    expect(result).toMatchObject({
      stalled: { status: 'down', reasons: [`The server on ${main}: Redis did not answer in time`] },
    });
  });

  it('is down once a server has been closed', async () => {
    const redis = await startRedis();
    const app = await startApp({ imports: withHealth({ url: redis.url }) });
    const indicator = app.nest.get(RedisStreamsHealthIndicator);
    await app.nest.get<Chat>(ChatGateway).server.of('/').adapter.close();

    expect(await indicator.isHealthy()).toEqual({
      'redis-streams': { status: 'down', reasons: [`The server on ${main}: it has left the cluster`], servers: {} },
    });
    expect(await indicator.isReady()).toMatchObject({ 'redis-streams': { status: 'down' } });
  });

  it('is about the emitter, too, once that is used, and in a process without a server', async () => {
    const redis = await startRedis();
    @Module({ imports: withHealth({ url: redis.url }) })
    class WorkerModule {}
    const app = await NestFactory.create(WorkerModule, { logger: new LogLines() });
    onTestFinished(() => app.close());
    await app.init();
    const indicator = app.get(RedisStreamsHealthIndicator);
    expect(await indicator.isHealthy()).toEqual({ 'redis-streams': { status: 'up', servers: {} } });
    const { emitter } = app.get(RedisStreams);
    await emitter.emit('x');
    await emitter.forServer({ path: '/admin' }).emit('x');
    expect(await indicator.isHealthy()).toEqual({ 'redis-streams': { status: 'up', servers: {} } });
    await redis.kill();
    await waitFor(() => emitter.snapshot()!.state !== 'ready');
    await waitFor(() => emitter.forServer({ path: '/admin' }).snapshot()!.state !== 'ready');

    expect(await indicator.isHealthy()).toEqual({
      'redis-streams': {
        status: 'down',
        reasons: [
          "The emitter: the writer's connection to Redis is away (reconnecting)",
          "The emitter for path /admin: the writer's connection to Redis is away (reconnecting)",
        ],
        servers: {},
      },
    });
  });
});

it('isHealthy is down once the emitter was closed, for good', async () => {
  const redis = await startRedis();
  const app = await startApp({ imports: withHealth({ url: redis.url }) });
  const { emitter } = app.nest.get(RedisStreams);
  await emitter.emit('x');
  await emitter.close();

  expect(await ask(app, 'health')).toMatchObject([
    503,
    { status: 'down', reasons: ["The emitter: the writer's connection to Redis is closed for good"] },
  ]);
});

describe('isReady', () => {
  it('is down before the application has joined the cluster, and up from then on', async () => {
    const redis = await startRedis();
    const app = await createApp({ imports: withHealth({ url: redis.url }) });
    await redis.pause();
    const started = app.init();
    await waitFor(() => app.get<Chat>(ChatGateway).server !== undefined, { what: 'the server of the gateway' });
    const indicator = app.get(RedisStreamsHealthIndicator);
    expect(await indicator.isReady()).toEqual({
      'redis-streams': { status: 'down', reasons: [`The server on ${main}: it has not joined the cluster`] },
    });
    await redis.resume();
    await started;

    expect(await indicator.isReady()).toEqual({ 'redis-streams': { status: 'up' } });
  });

  it('stays up while Redis is away', async () => {
    const redis = await startRedis();
    const app = await startApp({ imports: withHealth({ url: redis.url }) });
    await redis.kill();
    await waitFor(async () => (await ask(app, 'health'))[0] === 503);

    expect(await ask(app, 'ready')).toEqual([200, { status: 'up' }]);
  });

  it('is down before other modules take their time to stop', async () => {
    const seen: string[] = [];
    @Injectable()
    class Slow {
      constructor(private readonly moduleRef: ModuleRef) {}

      async beforeApplicationShutdown(): Promise<void> {
        const indicator = this.moduleRef.get(RedisStreamsHealthIndicator, { strict: false });
        seen.push((await indicator.isReady())['redis-streams'].status);
      }
    }
    const redis = await startRedis();
    const app = await startApp({ imports: withHealth({ url: redis.url }), providers: [Slow] });
    await app.nest.close();

    expect(seen).toEqual(['down']);
  });

  it('is down from the moment on that a stop begins', async () => {
    const redis = await startRedis();
    const app = await startApp({ imports: withHealth({ url: redis.url, drainTimeout: 60_000 }) });
    const client = await app.client();
    const stop = app.nest.close();
    const indicator = app.nest.get(RedisStreamsHealthIndicator);
    await waitFor(async () => (await indicator.isReady())['redis-streams'].status === 'down');

    expect(client.socket.connected).toBe(true);
    expect((await ask(app, 'ready'))[0]).toBe(503);
    expect((await indicator.isReady())['redis-streams']).toMatchObject({ reasons: ['The application is stopping'] });
    expect(await indicator.isHealthy()).toMatchObject({
      'redis-streams': { status: 'down', reasons: ['The application is stopping'] },
    });
    client.close();
    await stop;
  });
});

describe('RedisStreamsHealthIndicator', () => {
  it('is about the instance of the module that it is asked for', async () => {
    const redis = await startRedis();
    const imports = [
      RedisStreamsModule.forRoot({ name: 'chat', url: redis.url, scope: 'chat' }),
      { module: HealthModule },
    ];
    const app = await startApp({ imports, name: 'chat' });
    const indicator = app.nest.get(RedisStreamsHealthIndicator);

    expect(await indicator.isHealthy('chat', { name: 'chat', timeout: 20_000 })).toMatchObject({
      chat: { status: 'up', servers: { [main]: { joined: true } } },
    });
    await expect(indicator.isHealthy()).rejects.toThrow(
      'RedisStreamsHealthIndicator found no RedisStreamsModule in the application. Make sure that a module of it imports ' +
        'RedisStreamsModule.forRoot() or RedisStreamsModule.forRootAsync().',
    );
    await expect(indicator.isReady('news', { name: 'news' })).rejects.toThrow(
      "imports RedisStreamsModule.forRoot({ name: 'news' })",
    );
  });
});
