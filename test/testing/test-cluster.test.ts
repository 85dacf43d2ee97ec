import { connect } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { RedisStreams, RedisStreamsIoAdapter, RedisStreamsModule } from '../../src/module/index.js';
import { RedisServer, TestCluster, waitFor, type TestClusterOptions, type TestNode } from '../../src/testing/index.js';
import { ChatGateway } from '../nest/fixtures/chat.gateway.js';

// Where Redis is, the module finds in the environment.
@Module({
  imports: [RedisStreamsModule.forRoot({ serverOptions: { connectionStateRecovery: {} } })],
  providers: [ChatGateway],
})
class AppModule {}

async function createApp(): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  app.useWebSocketAdapter(new RedisStreamsIoAdapter(app));
  return app;
}

async function start(options: Partial<TestClusterOptions<INestApplication>> = {}): Promise<TestCluster> {
  const cluster = await TestCluster.start({ createApp, ...options });
  onTestFinished(() => cluster.stop());
  return cluster;
}

const say = (cluster: TestCluster, node: number, text: string): boolean =>
  cluster.nodes[node]!.app.get(ChatGateway).server.emit('said', text);

describe('A TestCluster', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await TestCluster.start({ createApp, nodes: 3 });
  });
  afterAll(() => cluster.stop());

  it('has nodes that know each other, and clients on each', async () => {
    const clients = await Promise.all([0, 1, 2].map((node) => cluster.connect(node)));
    say(cluster, 2, 'hello');
    for (const client of clients) expect(await client.next('said')).toEqual([['hello']]);
    const { nodes } = await cluster.nodes[0]!.app.get(RedisStreams).cluster.nodes();
    expect(nodes).toHaveLength(3);
  });

  it.each(['cut', 'stall'] as const)('can %s one node, which goes on afterwards with what it missed', async (fault) => {
    const [near, far] = [await cluster.connect(0), await cluster.connect(1)];
    cluster.nodes[1]![fault]();
    say(cluster, 0, 'meanwhile');
    expect(await near.next('said')).toEqual([['meanwhile']]);
    expect(far.received('said')).toEqual([]);
    cluster.nodes[1]!.restore();
    expect(await far.next('said', 1, { deadline: 15_000 })).toEqual([['meanwhile']]);
    await cluster.settled();
    say(cluster, 1, 'afterwards');
    expect(await near.next('said', 2)).toEqual([['meanwhile'], ['afterwards']]);
    expect(await far.next('said', 2)).toEqual([['meanwhile'], ['afterwards']]);
  });

  it('can trim what a node has not read', async () => {
    const gaps: unknown[] = [];
    cluster.nodes[1]!.app.get(RedisStreams).events.once('gap', (gap) => gaps.push(gap));
    const near = await cluster.connect(0);
    cluster.nodes[1]!.cut();
    await waitFor(() =>
      cluster.nodes[1]!.app.get(RedisStreams)
        .snapshot()[0]!
        .connections.every(({ state }) => state !== 'ready'),
    );
    say(cluster, 0, 'lost to node 1');
    await near.next('said');
    await cluster.trim();
    cluster.nodes[1]!.restore();
    await waitFor(() => gaps.length > 0, { what: 'the gap to be noticed' });
    expect(gaps).toMatchObject([{ missed: 1 }]);
    await cluster.settled();
  });

  it('can restart a node, whose clients recover on another', async () => {
    const client = await cluster.connect(0);
    say(cluster, 1, 'before');
    await client.next('said');
    await cluster.nodes[0]!.restart();
    await client.disconnected();
    await cluster.settled();
    say(cluster, 0, 'meanwhile');
    await client.connect(cluster.nodes[2]);
    expect(client.recovered).toBe(true);
    expect(await client.next('said', 2)).toEqual([['before'], ['meanwhile']]);
  });

  it('can restart several nodes at once, each with its own way to Redis', async () => {
    const before = process.env['REDIS_URL'];
    const [first, second, third] = cluster.nodes as [TestNode, TestNode, TestNode];
    await Promise.all([first.restart(), second.restart()]);
    expect(process.env['REDIS_URL']).toBe(before);
    await cluster.settled();
    first.cut();
    await waitFor(() => !isConnected(first), { what: 'the node to be cut off' });
    expect([second, third].map(isConnected)).toEqual([true, true]);
    first.restore();
    await cluster.settled();
  });

  it('can grow and shrink', async () => {
    const node = await cluster.addNode();
    await cluster.settled();
    const client = await cluster.connect(node);
    say(cluster, 0, 'welcome');
    expect(await client.next('said')).toEqual([['welcome']]);
    await node.stop();
    await cluster.settled();
    expect(() => node.app).toThrow('Node 3 was stopped, and has no application.');
  });
});

it('A TestCluster can restart Redis', async () => {
  const cluster = await start({ redis: { appendOnly: true } });
  const far = await cluster.connect(1);
  await cluster.redis.kill();
  say(cluster, 0, 'meanwhile');
  await cluster.redis.restart();
  expect(await far.next('said', 1, { deadline: 15_000 })).toEqual([['meanwhile']]);
  await cluster.settled();
});

it('A TestCluster leaves a Redis that it was given running, and the environment as it was', async () => {
  const redis = await RedisServer.start();
  onTestFinished(() => redis.stop());
  const before = process.env['REDIS_URL'];
  const cluster = await TestCluster.start({ createApp, redis });
  expect(process.env['REDIS_URL']).toBe(before);
  await cluster.redis.pause();
  await cluster.stop();
  expect(await redis.command('PING')).toBe('PONG');
  // Nothing else is connected.
  await waitFor(
    async () =>
      String(await redis.command('CLIENT', 'LIST'))
        .trim()
        .split('\n').length === 1,
  );
});

it('A TestCluster that cannot start says why, and leaves nothing behind', async () => {
  const redis = await RedisServer.start();
  onTestFinished(() => redis.stop());
  const urls: string[] = [];
  const failing = TestCluster.start({
    redis,
    createApp: async ({ redisUrl, index }) => {
      urls.push(redisUrl);
      if (index === 1) throw new Error('the application has a bug');
      return createApp();
    },
  });
  await expect(failing).rejects.toThrow('the application has a bug');
  await waitFor(
    async () =>
      String(await redis.command('CLIENT', 'LIST'))
        .trim()
        .split('\n').length === 1,
  );
  expect(new Set(urls).size).toBe(2);
  for (const url of urls) expect(await refused(url)).toBe(true);

  const withoutAdapter = TestCluster.start({
    createApp: () => NestFactory.create(AppModule, { logger: false }),
    redis,
  });
  await expect(withoutAdapter).rejects.toThrow(
    'Make sure that `createApp` calls app.useWebSocketAdapter(new RedisStreamsIoAdapter(app))',
  );
});

function isConnected({ app }: TestNode): boolean {
  const [server] = app.get(RedisStreams).snapshot();
  return server!.connections.every(({ state }) => state === 'ready');
}

function refused(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.once('connect', () => (socket.destroy(), resolve(false)));
    socket.once('error', () => resolve(true));
  });
}
