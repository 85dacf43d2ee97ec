import { request } from 'node:http';
import { once } from 'node:events';
import { Controller, Get, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { RedisClientType } from 'redis';
import { describe, expect, it } from 'vitest';
import { RedisStreams, type RedisStreamsModuleOptions } from '../../src/module/index.js';
import { freePort } from '../../src/testing/free-port.js';
import { startRedis, waitFor } from '../harness/index.js';
import { AdminGateway, ChatGateway, gatewayOnPort, startApp, type Chat } from './fixtures/index.js';

const recovery: RedisStreamsModuleOptions = { serverOptions: { connectionStateRecovery: {} } };

describe('a stop', () => {
  it.each([undefined, true])(
    'saves every session before Redis is let go (forceCloseConnections: %s)',
    async (force) => {
      const redis = await startRedis();
      const options = { url: redis.url, ...recovery };
      const nest = force === undefined ? {} : { forceCloseConnections: force };
      const [a, b] = await Promise.all([startApp({ options, nest }), startApp({ options, nest })]);
      const clients = await Promise.all(Array.from({ length: 20 }, () => a.client()));
      clients[0]!.socket.emit('say', 'before');
      for (const client of clients) await client.next('said');
      await a.nest.close();
      for (const client of clients) await client.disconnected();
      // Broadcast while none of them is connected.
      (b.nest.get<Chat>(ChatGateway) as Chat).server.emit('said', 'meanwhile');
      for (const client of clients) {
        await client.connect(b.url);
        expect(client.recovered).toBe(true);
        expect(await client.next('said', 2)).toEqual([['before'], ['meanwhile']]);
      }
    },
  );

  it('saves the sessions of a server with a path or a port of its own', async () => {
    const redis = await startRedis();
    const port = await freePort();
    const app = await startApp({
      options: { url: redis.url, ...recovery },
      gateways: [AdminGateway, gatewayOnPort(port)],
    });
    const clients = [await app.client({ path: '/admin' }), await app.client({ port })];
    for (const client of clients) {
      client.socket.emit('say', 'before');
      await client.next('said');
    }
    await app.nest.close();
    const sessions = (await redis.command('KEYS', 'sio:session:*')) as string[];
    for (const client of clients) {
      expect(sessions.filter((key) => key.includes(client.pid!))).toHaveLength(1);
    }
  });

  it.each([undefined, true])('tells clients and gateway why (forceCloseConnections: %s)', async (force) => {
    const redis = await startRedis();
    const nest = force === undefined ? {} : { forceCloseConnections: force };
    const app = await startApp({ options: { url: redis.url }, nest });
    const client = await app.client();
    const { id } = client;
    const gateway = app.nest.get<Chat>(ChatGateway);
    await app.nest.close();
    expect(gateway.disconnected).toEqual([[id, 'server shutting down']]);
  });

  it('does not wait for HTTP connections with `forceCloseConnections`', async () => {
    const redis = await startRedis();
    let arrived: () => void;
    const pending = new Promise<void>((resolve) => (arrived = resolve));
    @Controller()
    class Slow {
      @Get('slow')
      slow(): Promise<never> {
        arrived();
        return new Promise(() => undefined);
      }
    }
    const app = await startApp({
      options: { url: redis.url },
      controllers: [Slow],
      nest: { forceCloseConnections: true },
    });
    const call = request(`${app.url}/slow`).end();
    const ended = once(call, 'error');
    await pending;
    await app.nest.close();
    expect(await ended).toMatchObject([{ code: 'ECONNRESET' }]);
  });

  it('frees the ports of gateways', async () => {
    const redis = await startRedis();
    const port = await freePort();
    const options = { url: redis.url };
    const gateways = [gatewayOnPort(port)];
    await (await startApp({ options, gateways })).nest.close();
    const again = await startApp({ options, gateways });
    const client = await again.client({ port });
    client.socket.emit('say', 'hello');
    expect(await client.next('said')).toEqual([['hello']]);
  });

  it('leaves the client to the last hooks of the application', async () => {
    const redis = await startRedis();
    const replies: unknown[] = [];
    @Injectable()
    class Last implements OnApplicationShutdown {
      constructor(private readonly redisStreams: RedisStreams) {}
      async onApplicationShutdown(): Promise<void> {
        replies.push(await (this.redisStreams.client as RedisClientType).sendCommand(['PING']));
      }
    }
    const app = await startApp({ options: { url: redis.url }, providers: [Last] });
    await app.nest.close();
    expect(replies).toEqual(['PONG']);
  });

  it('lets every connection to Redis go', async () => {
    const redis = await startRedis();
    const app = await startApp({ options: { url: redis.url }, gateways: [ChatGateway, AdminGateway] });
    const connections = async (): Promise<number> =>
      String(await redis.command('CLIENT', 'LIST'))
        .trim()
        .split('\n').length;
    // More than the one that asks.
    expect(await connections()).toBeGreaterThan(1);
    await app.nest.close();
    await waitFor(async () => (await connections()) === 1, { what: 'the connections to end' });
  });

  it('is over in time while Redis is away', async () => {
    const redis = await startRedis();
    const app = await startApp({ options: { url: redis.url, shutdownTimeout: 300, ...recovery } });
    await app.client();
    await redis.kill();
    const start = performance.now();
    await app.nest.close();
    expect(performance.now() - start).toBeLessThan(4_000);
  });

  it('can be asked for twice, and after a start that failed', async () => {
    const redis = await startRedis();
    const app = await startApp({ options: { url: redis.url } });
    await Promise.all([app.nest.close(), app.nest.close()]);
    await app.nest.close();
  });

  it('is seen by the other nodes at once', async () => {
    const redis = await startRedis();
    const options = { url: redis.url };
    const a = await startApp({ options });
    const b = await startApp({ options });
    const { server } = a.nest.get<Chat>(ChatGateway);
    await waitFor(async () => (await server.of('/').adapter.serverCount()) === 2);
    await b.nest.close();
    await waitFor(async () => (await server.of('/').adapter.serverCount()) === 1, { deadline: 8_000 });
  });
});
