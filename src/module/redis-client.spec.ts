import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { createClient, type RedisClientType } from 'redis';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { InvalidOptionError, RedisUnavailableError } from '../adapter/errors.js';
import { RedisServer, RedisTlsServer, waitFor } from '../testing/index.js';
import { RedisProxy } from '../testing/redis-proxy.js';
import { freePort } from '../testing/free-port.js';
import { openClient as open } from './redis-client.js';

const timeouts = { readyTimeout: 10_000, shutdownTimeout: 5_000 };

/** The client is one of the package `redis` here, whatever else the module takes. */
async function openClient(
  ...args: Parameters<typeof open>
): Promise<{ client: RedisClientType; close(): Promise<void> }> {
  const { client, close } = await open(...args);
  return { client: client as RedisClientType, close };
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  const error = await promise.then(
    () => undefined,
    (reason: Error) => reason,
  );
  if (!error) throw new Error('It was expected to fail.');
  return error;
}

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
});

afterAll(async () => {
  await redis.stop();
});

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('a client that the module makes', () => {
  it('connects to the `url` given', async () => {
    const { client, close } = await openClient({ url: redis.url }, timeouts);
    expect(client).toMatchObject({ isReady: true });
    await close();
  });

  it('takes the options in `redis`, and leaves them as they are', async () => {
    const options = { url: redis.url, name: 'from-options', socket: { noDelay: true } };
    const handle = await openClient({ redis: options }, timeouts);
    expect(await redis.command('CLIENT', 'LIST')).toContain('name=from-options');
    expect(options).toEqual({ url: redis.url, name: 'from-options', socket: { noDelay: true } });
    await handle.close();
  });

  it('puts `url` and `redis` together', async () => {
    const handle = await openClient({ url: redis.url, redis: { name: 'from-both' } }, timeouts);
    expect(await redis.command('CLIENT', 'LIST')).toContain('name=from-both');
    await handle.close();
  });

  it('connects to REDIS_URL when no option says where', async () => {
    vi.stubEnv('REDIS_URL', redis.url);
    const { client, close } = await openClient({}, timeouts);
    expect(client.options).toMatchObject({ socket: { port: redis.port } });
    await close();
  });

  it('connects to redis://localhost:6379 when nothing says where', async () => {
    vi.stubEnv('REDIS_URL', '');
    // Whether there is a Redis at that address is up to the machine.
    const outcome = await openClient({}, { ...timeouts, readyTimeout: 300 }).then(
      async ({ client, close }) => {
        await close();
        const { host } = client.options.socket as { host: string };
        return `${host}:6379`;
      },
      (error: Error) => error.message,
    );
    expect(outcome).toContain('localhost:6379');
  });

  it('is closed by close(), more than once', async () => {
    const { client, close } = await openClient({ url: redis.url }, timeouts);
    await close();
    expect(client).toMatchObject({ isOpen: false });
    await close();
  });

  it('is closed while Redis is away', async () => {
    const own = await RedisServer.start();
    const { client, close } = await openClient({ url: own.url }, timeouts);
    const lost = new Promise((resolve) => client.on('error', resolve));
    await own.kill();
    await lost;
    await close();
    // the attempt to connect that is under way is the last
    await waitFor(() => !client.isOpen);
    await own.stop();
  });

  it('is closed after `shutdownTimeout` when Redis does not answer', async () => {
    const own = await RedisServer.start();
    const { client, close } = await openClient({ url: own.url }, { ...timeouts, shutdownTimeout: 100 });
    await own.pause();
    const reply = client.sendCommand(['PING']).then(
      () => 'answered',
      () => 'rejected',
    );
    await close();
    expect(await reply).toBe('rejected');
    await own.resume();
    await own.stop();
  });
});

describe('a client that is given', () => {
  it('is used as it is, connected or not, and never closed', async () => {
    const given = createClient({ url: redis.url });
    const { client, close } = await openClient({ client: given }, timeouts);
    expect(client).toBe(given);
    expect(given.isOpen).toBe(false);
    await given.connect();
    await close();
    expect(given.isReady).toBe(true);
    given.destroy();
  });
});

describe('a Redis that cannot be used', () => {
  it('ends the start after `readyTimeout`, with the address and what to do', async () => {
    const port = await freePort();
    const error = await failure(openClient({ url: `redis://localhost:${port}` }, { ...timeouts, readyTimeout: 3_000 }));
    expect(error).toBeInstanceOf(RedisUnavailableError);
    expect(error.message).toMatch(
      new RegExp(
        `^Could not connect to Redis at localhost:${port} within 3000 ms: connect ECONNREFUSED .*Make sure that Redis runs there`,
      ),
    );
    expect(error.message).toContain('The address comes from: option `url`.');
    expect(error.message).toContain('`readyTimeout`');
  });

  it('is given up at once where the options say not to retry', async () => {
    const port = await freePort();
    const options = { socket: { port, reconnectStrategy: false as const } };
    const error = await failure(openClient({ redis: options }, timeouts));
    expect(error.message).toMatch(new RegExp(`^Could not connect to Redis at localhost:${port}: connect ECONNREFUSED`));
  });

  it('is not tried again once the start has failed', async () => {
    const port = await freePort();
    await failure(openClient({ url: `redis://127.0.0.1:${port}` }, { ...timeouts, readyTimeout: 100 }));
    const listener = createServer();
    listener.listen(port, '127.0.0.1');
    await once(listener, 'listening');
    const connected = vi.fn();
    listener.on('connection', connected);
    // Longer than the client would have waited before its next attempt.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(connected).not.toHaveBeenCalled();
    listener.close();
  });

  it('leaves nothing behind when it is given up, or closed, while its connection is being made', async () => {
    const tls = await RedisTlsServer.start();
    onTestFinished(() => tls.stop());
    const proxy = await RedisProxy.start(tls.port);
    onTestFinished(() => proxy.stop());
    const socket = { tls: true as const, ca: tls.certificate };
    const connected = async (): Promise<boolean> =>
      String(await tls.server.command('CLIENT', 'LIST')).includes('name=of-the-module');
    const options = {
      redis: { url: proxy.url.replace('redis:', 'rediss:'), name: 'of-the-module', socket },
    };
    const { client, close } = await openClient(options, timeouts);
    expect(await connected()).toBe(true);
    const again = new Promise((resolve) => client.once('reconnecting', resolve));
    proxy.cut();
    await again;
    proxy.stall();
    // it comes back as far as to the handshake
    await waitFor(() => proxy.size > 0, { what: 'the next attempt' });
    await close();
    const givenUp = failure(openClient(options, { ...timeouts, readyTimeout: 300 }));
    expect((await givenUp).message).toContain('within 300 ms');
    expect(proxy.size).toBeGreaterThan(0);
    proxy.restore();
    await waitFor(() => proxy.size === 0, { what: 'both connections to be gone' });
    expect(await connected()).toBe(false);
  });

  it('is one that takes the connection and says nothing, too', async () => {
    const silent = await listen();
    const error = await failure(
      openClient({ url: `redis://127.0.0.1:${silent.port}` }, { ...timeouts, readyTimeout: 200 }),
    );
    expect(error.message).toMatch(/^Could not connect to Redis at 127\.0\.0\.1:\d+ within 200 ms: it did not answer\./);
    await silent.closed;
    silent.server.close();
  });

  it('never shows user and password', async () => {
    const port = await freePort();
    vi.stubEnv('REDIS_URL', `redis://alice:s3cr3t@localhost:${port}`);
    const errors = await Promise.all([
      failure(openClient({}, { ...timeouts, readyTimeout: 100 })),
      failure(openClient({ url: `redis://alice:s3cr3t@localhost:${port}` }, { ...timeouts, readyTimeout: 100 })),
      failure(openClient({ url: 'alice:s3cr3t@localhost:6379' }, timeouts)),
      failure(openClient({ url: 'redis://alice:s3cr3t%@localhost:6379' }, timeouts)),
      failure(openClient({ url: 'redis://alice:s3cr3t#@localhost:6379' }, timeouts)),
      failure(
        openClient({ url: 'rediss://alice:s3cr3t@localhost', redis: { socket: { tls: false } as never } }, timeouts),
      ),
    ]);
    for (const error of errors) {
      expect(JSON.stringify([error.message, error.stack, error.cause, String(error.cause)])).not.toMatch(
        /alice|s3cr3t/,
      );
    }
  });

  it('is said to be no Redis at all where the URL is another', async () => {
    const error = await failure(openClient({ url: 'https://localhost' }, timeouts));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toBe(
      'Option `url` is not the URL of a Redis. Expected redis://[[user]:[password]@]host[:port][/database], rediss:// for TLS, ' +
        'with the special characters of user and password percent-encoded.',
    );
  });

  it('is named by its environment variable where the URL comes from there', async () => {
    vi.stubEnv('REDIS_URL', 'localhost:6379');
    const error = await failure(openClient({}, timeouts));
    expect(error.message).toContain('Environment variable `REDIS_URL` is not the URL of a Redis.');
  });
});

/** A server that takes connections and says nothing; `closed` resolves when the first of them has ended. */
async function listen(): Promise<{ server: Server; port: number; closed: Promise<void> }> {
  const server = createServer();
  const closed = new Promise<void>((resolve) => {
    server.once('connection', (socket: Socket) => socket.resume().once('close', () => resolve()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port, closed };
}
