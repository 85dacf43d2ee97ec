import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { expect, it, onTestFinished } from 'vitest';
import { InjectRedisStreams, RedisStreams, RedisStreamsCluster, RedisStreamsModule } from '../../src/module/index.js';
import { startRedis } from '../harness/index.js';
import { AdminGateway, ChatGateway, LogLines, startApp } from './fixtures/index.js';

it('RedisStreamsCluster tells of the cluster, for each server of the application', async () => {
  const redis = await startRedis();
  @Injectable()
  class Presence {
    constructor(readonly cluster: RedisStreamsCluster) {}
  }
  const options = { options: { url: redis.url }, gateways: [ChatGateway, AdminGateway], providers: [Presence] };
  const [a, b] = [await startApp(options), await startApp(options)];
  const client = await a.client();
  await client.socket.emitWithAck('join', 'team');
  await b.client();
  await b.client({ path: '/admin' });
  const { cluster } = b.nest.get(Presence);
  const admin = cluster.forServer({ path: '/admin' });

  expect(await cluster.count()).toEqual({ sockets: 2, missing: [] });
  expect(await cluster.count('team')).toEqual({ sockets: 1, missing: [] });
  expect(await admin.count()).toEqual({ sockets: 1, missing: [] });
  const { nodes, missing } = await cluster.nodes();
  expect(missing).toEqual([]);
  expect(nodes.map(({ namespaces }) => namespaces)).toEqual([[{ name: '/', sockets: 1 }], [{ name: '/', sockets: 1 }]]);
  expect((await cluster.self()).uid).toBe(nodes[0]!.uid);
  expect((await admin.self()).streams).toMatchObject([{ stream: 'socket.io:/admin' }]);
});

it('RedisStreamsCluster belongs to its instance of the module', async () => {
  const redis = await startRedis();
  @Injectable()
  class Presence {
    constructor(@InjectRedisStreams('chat') readonly redisStreams: RedisStreams) {}
  }
  const imports = [RedisStreamsModule.forRoot({ name: 'chat', url: redis.url })];
  const app = await startApp({ imports, name: 'chat', providers: [Presence] });
  await app.client();

  expect(await app.nest.get(Presence).redisStreams.cluster.count()).toEqual({ sockets: 1, missing: [] });
});

it('RedisStreamsCluster says so where there is no server', async () => {
  const redis = await startRedis();
  @Module({ imports: [RedisStreamsModule.forRoot({ url: redis.url })] })
  class WorkerModule {}
  const context = await NestFactory.createApplicationContext(WorkerModule, { logger: new LogLines() });
  onTestFinished(() => context.close());
  const cluster = context.get(RedisStreamsCluster);

  await expect(cluster.count()).rejects.toThrow(
    'This process has no Socket.IO server on path /socket.io, and so no cluster to tell of.',
  );
  expect(() => cluster.forServer({ port: 81 })).toThrow('no Socket.IO server on port 81, path /socket.io');
});
