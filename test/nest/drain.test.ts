import { describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from '../../src/testing/free-port.js';
import { startRedis, TestClient, waitFor } from '../harness/index.js';
import { AdminGateway, ChatGateway, gatewayOnPort, startApp, type App, type Chat } from './fixtures/index.js';

const serverOptions = { connectionStateRecovery: {} };

async function clientsOf(app: App, count: number): Promise<TestClient[]> {
  return Promise.all(Array.from({ length: count }, () => app.client()));
}

/** A client that tries once, and is closed with the test. */
function attempt(app: App, transport: 'polling' | 'websocket'): Promise<TestClient> {
  const client = new TestClient(app.url, { transports: [transport] });
  onTestFinished(() => client.close());
  return client.connect();
}

describe('A stop with `drainTimeout`', () => {
  it('hands the clients over evenly, each with its session', async () => {
    const redis = await startRedis();
    const options = { url: redis.url, serverOptions };
    const a = await startApp({ options: { ...options, drainTimeout: 3_000 } });
    const b = await startApp({ options });
    const clients = await clientsOf(a, 20);
    b.nest.get<Chat>(ChatGateway).server.emit('said', 'before');
    await Promise.all(clients.map((client) => client.next('said')));
    const gone: number[] = [];
    const start = performance.now();
    for (const { socket } of clients) socket.on('disconnect', () => gone.push(performance.now() - start));
    await a.nest.close();
    await waitFor(() => gone.length === 20);

    // Of 20, about one every 150 ms; a busy machine may be late, but never early.
    gone.forEach((time, index) => expect(time).toBeGreaterThan(index * 150 - 120));
    expect(gone[0]).toBeLessThan(2_300);
    expect(new Set(clients.map(({ disconnectReason }) => disconnectReason))).toEqual(new Set(['transport close']));
    expect(a.nest.get<Chat>(ChatGateway).disconnected.map(([, reason]) => reason)).toEqual(
      Array.from({ length: 20 }, () => 'server shutting down'),
    );
    b.nest.get<Chat>(ChatGateway).server.emit('said', 'meanwhile');
    for (const client of clients) {
      await client.connect(b.url);
      expect(client.recovered).toBe(true);
      expect(await client.next('said', 2)).toEqual([['before'], ['meanwhile']]);
    }
  });

  it('refuses who comes, while those that are there go on', async () => {
    const redis = await startRedis();
    const app = await startApp({ options: { url: redis.url, drainTimeout: 60_000 } });
    const [early, late] = [await attempt(app, 'polling'), await attempt(app, 'websocket')];
    let stopped = false;
    const stop = app.nest.close().then(() => (stopped = true));
    await waitFor(async () => (await fetch(`${app.url}/socket.io/?EIO=4&transport=polling`)).status === 503, {
      what: 'a refusal',
    });

    await expect(attempt(app, 'polling')).rejects.toThrow('xhr poll error');
    await expect(attempt(app, 'websocket')).rejects.toThrow('websocket error');
    early.socket.emit('say', 'still here');
    expect(await late.next('said')).toEqual([['still here']]);
    expect(await early.next('said')).toEqual([['still here']]);
    expect(stopped).toBe(false);
    // It is over once nobody is there any more.
    early.close();
    late.close();
    await stop;
  });

  it('lets a client that polls have what was written to it', async () => {
    const redis = await startRedis();
    const app = await startApp({ options: { url: redis.url, drainTimeout: 1 } });
    const client = await attempt(app, 'polling');
    app.nest.get<Chat>(ChatGateway).server.emit('said', 'the last');
    await app.nest.close();
    await client.disconnected();

    expect(client.received('said')).toEqual([['the last']]);
  });

  it('drains servers with a port or a path of their own, too', async () => {
    const redis = await startRedis();
    const port = await freePort();
    const gateways = [ChatGateway, AdminGateway, gatewayOnPort(port)];
    const app = await startApp({ options: { url: redis.url, drainTimeout: 500 }, gateways });
    const clients = [await app.client(), await app.client({ path: '/admin' }), await app.client({ port })];
    const start = performance.now();
    await app.nest.close();

    expect(performance.now() - start).toBeGreaterThan(400);
    for (const client of clients) expect(await client.disconnected()).toBe('transport close');
  });

  it('is over at once when nobody is connected', async () => {
    const redis = await startRedis();
    const app = await startApp({ options: { url: redis.url, drainTimeout: 60_000 } });
    const start = performance.now();
    await app.nest.close();

    expect(performance.now() - start).toBeLessThan(5_000);
  });
});
