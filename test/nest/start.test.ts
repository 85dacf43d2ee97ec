import { createServer } from 'node:http';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { createClient } from 'redis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from '../../src/testing/free-port.js';
import { startRedis, waitFor } from '../harness/index.js';
import { ChatGateway, createApp, gatewayOnPort, LogLines, startApp, type Chat } from './fixtures/index.js';

/** Whether something listens on the port. */
async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe('a start', () => {
  it('waits for the adapter before it listens, on the ports of gateways, too', async () => {
    const redis = await startRedis();
    const port = await freePort();
    const app = await createApp({ options: { url: redis.url }, gateways: [ChatGateway, gatewayOnPort(port)] });
    await redis.pause();
    let listening = false;
    const started = app.listen(0, '127.0.0.1').then(() => (listening = true));
    // The servers are there, and their adapters wait for Redis.
    await waitFor(() => app.get<Chat>(ChatGateway).server !== undefined, { what: 'the server of the gateway' });
    expect(await listens(port)).toBe(false);
    expect(listening).toBe(false);
    await redis.resume();
    await started;
    expect(await listens(port)).toBe(true);
  });

  it('is ready before the hooks of the application run', async () => {
    const redis = await startRedis();
    const counts: number[] = [];
    @Injectable()
    class Counter implements OnApplicationBootstrap {
      constructor(private readonly gateway: ChatGateway) {}
      async onApplicationBootstrap(): Promise<void> {
        counts.push(await this.gateway.server.of('/').adapter.serverCount());
      }
    }
    const options = { url: redis.url };
    await startApp({ options });
    await startApp({ options, providers: [Counter] });
    expect(counts).toEqual([2]);
  });

  it('fails when Redis is not there, with its address', async () => {
    const port = await freePort();
    await expect(createApp({ options: { url: `redis://127.0.0.1:${port}`, readyTimeout: 2_000 } })).rejects.toThrow(
      `Could not connect to Redis at 127.0.0.1:${port} within 2000 ms: connect ECONNREFUSED`,
    );
  });

  it('fails when the Redis of a given client is not there, and does not go on trying', async () => {
    const port = await freePort();
    const client = createClient({ url: `redis://user:s3cr3t@127.0.0.1:${port}` });
    const logger = new LogLines();
    const gatewayPort = await freePort();
    const app = await createApp({
      options: { client, readyTimeout: 2_000 },
      gateways: [ChatGateway, gatewayOnPort(gatewayPort)],
      logger,
    });
    const error = await app.init().then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error).toMatchObject({ name: 'RedisUnavailableError' });
    expect(error!.message).toContain(`127.0.0.1:${port}`);
    expect(JSON.stringify([error!.message, error!.stack, logger.lines])).not.toContain('s3cr3t');
    expect(await listens(gatewayPort)).toBe(false);

    const latecomer = createServer().listen(port, '127.0.0.1');
    onTestFinished(() => void latecomer.close());
    let attempts = 0;
    latecomer.on('connection', () => (attempts += 1));
    // Longer than any pause between two attempts.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(attempts).toBe(0);
  });

  it('fails when Redis stops answering between the first connection and the start, and lets it go', async () => {
    const redis = await startRedis();
    const app = await createApp({ options: { url: redis.url, readyTimeout: 3_000 } });
    await redis.pause();
    await expect(app.init()).rejects.toMatchObject({ name: 'RedisUnavailableError' });
    await redis.resume();
    const connections = async (): Promise<number> =>
      String(await redis.command('CLIENT', 'LIST'))
        .trim()
        .split('\n').length;
    // The one that asks.
    await waitFor(async () => (await connections()) === 1, { what: 'the connections to end' });
  });

  it('fails when the port of a gateway is taken, with the port', async () => {
    const redis = await startRedis();
    const port = await freePort();
    const other = createServer().listen(port);
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const app = await createApp({ options: { url: redis.url }, gateways: [gatewayOnPort(port)] });
    await expect(app.init()).rejects.toThrow(`The gateway with port ${port} cannot listen: listen EADDRINUSE`);
  });
});
