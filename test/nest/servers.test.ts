import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../src/testing/free-port.js';
import { RedisServer } from '../../src/testing/index.js';
import type { RedisStreamsModuleOptions } from '../../src/module/index.js';
import { AdminGateway, ChatGateway, gatewayOnPort, NewsGateway, startApp, type Chat } from './fixtures/index.js';

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
});

afterAll(async () => {
  await redis.stop();
});

let stream = 0;
/** Options of a cluster of its own. */
const fresh = (options: RedisStreamsModuleOptions = {}): RedisStreamsModuleOptions => {
  stream += 1;
  return { url: redis.url, streamName: `servers-${stream}`, channelPrefix: `servers-${stream}`, ...options };
};

describe('two applications', () => {
  it('exchange what their gateways emit', async () => {
    const options = fresh();
    const [a, b] = await Promise.all([startApp({ options }), startApp({ options })]);
    const [near, far] = await Promise.all([a.client(), b.client()]);
    near.socket.emit('say', 'hello');
    expect(await far.next('said')).toEqual([['hello']]);
    expect(await near.next('said')).toEqual([['hello']]);
  });

  it('exchange what gateways with a namespace emit, and keep it there', async () => {
    const options = fresh();
    const gateways = [ChatGateway, NewsGateway];
    const [a, b] = await Promise.all([startApp({ options, gateways }), startApp({ options, gateways })]);
    const near = await a.client({ namespace: '/news' });
    const far = await b.client({ namespace: '/news' });
    const main = await b.client();
    near.socket.emit('say', 'in the news');
    expect(await far.next('said')).toEqual([['in the news']]);
    main.socket.emit('say', 'in the chat');
    await main.next('said');
    expect(main.received('said')).toEqual([['in the chat']]);
    expect(far.received('said')).toEqual([['in the news']]);
  });

  it('find the sockets of each other as soon as they listen', async () => {
    const options = fresh();
    const a = await startApp({ options });
    await a.client();
    const b = await startApp({ options });
    const { server } = b.nest.get<Chat>(ChatGateway);
    expect(await server.fetchSockets()).toHaveLength(1);
  });

  it('answer and acknowledge as Nest does', async () => {
    const app = await startApp({ options: fresh() });
    const client = await app.client();
    expect(await client.socket.emitWithAck('join', 'room')).toBe('room');
    client.socket.emit('echo', { a: 1 });
    expect(await client.next('echo')).toEqual([[{ a: 1 }]]);
  });
});

describe('options of the Socket.IO server', () => {
  it('come from `serverOptions`, for every server of the application', async () => {
    const options = fresh({
      serverOptions: { connectionStateRecovery: { maxDisconnectionDuration: 60_000 }, pingInterval: 4_321 },
    });
    const app = await startApp({ options, gateways: [ChatGateway, AdminGateway] });
    for (const client of [await app.client(), await app.client({ path: '/admin' })]) {
      expect(client.pid).toBeDefined();
    }
    expect(app.nest.get<Chat>(AdminGateway).server.engine.opts.pingInterval).toBe(4_321);
  });

  it('leave the given object as it is', async () => {
    const serverOptions = { connectionStateRecovery: {} };
    await startApp({ options: fresh({ serverOptions }) });
    expect(serverOptions).toEqual({ connectionStateRecovery: {} });
  });
});

describe('several servers in one application', () => {
  it('share nothing: path, port, and the main one', async () => {
    const port = await freePort();
    const PortGateway = gatewayOnPort(port);
    const gateways = [ChatGateway, AdminGateway, PortGateway];
    const app = await startApp({ options: fresh(), gateways });
    const clients = {
      main: await app.client(),
      admin: await app.client({ path: '/admin' }),
      port: await app.client({ port }),
    };
    for (const [name, client] of Object.entries(clients)) {
      client.socket.emit('say', name);
    }
    for (const [name, client] of Object.entries(clients)) {
      expect(await client.next('said')).toEqual([[name]]);
    }
    // Once more: what one of them had got of another would have come before this.
    for (const [name, client] of Object.entries(clients)) {
      client.socket.emit('say', `${name} again`);
      expect(await client.next('said', 2)).toEqual([[name], [`${name} again`]]);
    }
  });

  it('count only the nodes that have them, too', async () => {
    const port = await freePort();
    const options = fresh();
    const PortGateway = gatewayOnPort(port);
    const app = await startApp({ options, gateways: [ChatGateway, PortGateway] });
    await startApp({ options, gateways: [ChatGateway] });
    const count = (gateway: new () => Chat): Promise<number> =>
      app.nest.get<Chat>(gateway).server.of('/').adapter.serverCount();
    await expect.poll(() => count(ChatGateway), { timeout: 20_000 }).toBe(2);
    expect(await count(PortGateway)).toBe(1);
  });

  it.each([
    ['path', async () => ({ a: AdminGateway, b: AdminGateway, at: { path: '/admin' } })],
    [
      'port',
      async () => {
        const [a, b] = [await freePort(), await freePort()];
        return { a: gatewayOnPort(a), b: gatewayOnPort(b), ports: [a, b] as const };
      },
    ],
  ])('meet the same server of another application, by %s', async (_by, make) => {
    const { a, b, at, ports } = { at: {}, ports: undefined, ...(await make()) };
    // The ports differ here, since both applications are on one machine.
    const options = fresh({ scope: ({ port, path }) => (port === 0 ? path : 'the-port') });
    const first = await startApp({ options, gateways: [ChatGateway, a] });
    const second = await startApp({ options, gateways: [ChatGateway, b] });
    const near = await first.client({ ...at, ...(ports && { port: ports[0] }) });
    const far = await second.client({ ...at, ...(ports && { port: ports[1] }) });
    near.socket.emit('say', 'hello');
    expect(await far.next('said')).toEqual([['hello']]);
  });

  it('are separated from those of another application by a `scope`', async () => {
    const options = fresh();
    const blue = await startApp({ options: { ...options, scope: 'blue' } });
    const blueToo = await startApp({ options: { ...options, scope: 'blue' } });
    const green = await startApp({ options: { ...options, scope: 'green' } });
    const [near, far, other] = [await blue.client(), await blueToo.client(), await green.client()];
    near.socket.emit('say', 'blue');
    expect(await far.next('said')).toEqual([['blue']]);
    other.socket.emit('say', 'green');
    expect(await other.next('said')).toEqual([['green']]);
  });

  it('cannot be two at one address', async () => {
    const options = fresh({ serverOptions: { path: '/admin' } });
    await expect(startApp({ options, gateways: [ChatGateway, AdminGateway] })).rejects.toThrow(
      'There is a Socket.IO server on path /admin already.',
    );
  });
});
