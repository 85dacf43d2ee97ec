import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterEach, beforeAll, afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { RedisStreams, RedisStreamsEmitter, type RedisStreamsModuleOptions } from '../../src/module/index.js';
import { freePort } from '../../src/testing/free-port.js';
import { RedisServer } from '../../src/testing/index.js';
import { waitFor } from '../harness/index.js';
import { Recorder } from '../telemetry/recorder.js';
import { createApp, LogLines, startApp } from './fixtures/index.js';

/** Nothing that anybody is told holds these. */
const USER = 'marked-user';
const PASSWORD = 'marked-password';
const WRONG = 'marked-but-wrong';

let redis: RedisServer;
let recorder: Recorder;
let logger: LogLines;
/** What was thrown, told or written. */
let told: unknown[];

beforeAll(async () => {
  redis = await RedisServer.start();
  await redis.command('ACL', 'SETUSER', USER, 'on', `>${PASSWORD}`, '~*', '&*', '+@all');
});

afterAll(() => redis.stop());

beforeEach(() => {
  recorder = new Recorder().install();
  logger = new LogLines();
  told = [];
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream);
    vi.spyOn(stream, 'write').mockImplementation(((text: unknown, ...rest: []) => {
      told.push(String(text));
      return write(text as string, ...rest);
    }) as typeof stream.write);
  }
  for (const method of ['log', 'warn', 'error', 'debug', 'info'] as const) {
    vi.spyOn(console, method).mockImplementation((...args: unknown[]) => void told.push(args));
  }
});

afterEach(() => {
  vi.restoreAllMocks();
  Recorder.uninstall();
});

type Where = Pick<RedisStreamsModuleOptions, 'url' | 'redis' | 'client'>;

/** The ways in which an application tells its credentials. */
function ways(password: string, port: number): Array<[name: string, where: () => Where]> {
  const url = `redis://${USER}:${password}@127.0.0.1:${port}`;
  const parts = { username: USER, password };
  return [
    ['url', () => ({ url })],
    ['redis', () => ({ redis: { socket: { host: '127.0.0.1', port }, ...parts } })],
    ['a client of redis', () => ({ client: quiet(createClient({ url })) })],
    ['a client of ioredis', () => ({ client: quiet(new Redis(url, { lazyConnect: true })) })],
  ];
}

/** What the client that is given says is the affair of the application. */
function quiet<T extends { on(event: 'error', listener: () => void): unknown }>(client: T): T {
  client.on('error', () => undefined);
  return client;
}

/** Everything that left the package, as text. */
async function everything(): Promise<string> {
  const all = [...told, logger.lines, await recorder.dump()];
  return inspect(all, { depth: Infinity, maxStringLength: Infinity, maxArrayLength: Infinity, showHidden: true });
}

async function expectNoSecret(): Promise<void> {
  const text = await everything();
  expect(/.{0,200}marked-.{0,200}/s.exec(text)?.[0]).toBeUndefined();
}

function watch({ events }: Pick<RedisStreams, 'events'>): void {
  for (const name of [
    'connectionLost',
    'connectionReady',
    'commandRefused',
    'messageDropped',
    'gap',
    'streamReset',
  ] as const) {
    events.on(name, (event: unknown) => void told.push(event));
  }
}

describe('credentials are in nothing that is logged, exported, told or thrown', () => {
  it('by an application that works, loses its connections, and is refused what it asks for', async () => {
    for (const [, where] of ways(PASSWORD, redis.port)) {
      const app = await startApp({ options: { ...where() }, logger });
      const redisStreams = app.nest.get(RedisStreams);
      watch(redisStreams);
      const lost = new Set<string>();
      const back = new Set<string>();
      redisStreams.events.on('connectionLost', ({ role }) => void lost.add(role));
      redisStreams.events.on('connectionReady', ({ role }) => void back.add(role));
      const client = await app.client();
      client.socket.emit('say', 'hello');
      await client.next('said');
      await app.nest.get(RedisStreamsEmitter).emit('said', 'from outside');
      await redis.command('CLIENT', 'KILL', 'USER', USER);
      await waitFor(() => lost.size >= 3 && back.size >= 3, { deadline: 20_000, what: 'the connections to be back' });
      client.socket.emit('say', 'again');
      await client.next('said', 3);
      const refused = new Promise((resolve) => redisStreams.events.once('commandRefused', resolve));
      await redis.command('ACL', 'SETUSER', USER, '-xadd');
      client.socket.emit('say', 'later');
      await refused;
      await redis.command('ACL', 'SETUSER', USER, '+xadd');
      await client.next('said', 4);
      await app.nest.close();
    }
    expect(await everything()).toContain('connection to Redis was lost');
    expect(await everything()).toContain('Redis refuses XADD: NOPERM');
    expect((await recorder.dump()).length).toBeGreaterThan(1_000);
    await expectNoSecret();
  });

  it.each([
    ['that Redis refuses', () => redis.port],
    ['for a Redis that is not there', freePort],
  ])('by an application with credentials %s', async (_title, portOf) => {
    for (const [name, where] of ways(WRONG, await portOf())) {
      const error = await createApp({ options: { ...where(), readyTimeout: 400 }, logger })
        .then((app) => app.listen(0, '127.0.0.1'))
        .then(
          () => expect.fail(`The application with ${name} started.`),
          (failure: unknown) => failure,
        );
      expect(error).toMatchObject({ name: 'RedisUnavailableError' });
      told.push(error);
    }
    expect(await everything()).toMatch(/WRONGPASS|ECONNREFUSED/);
    await expectNoSecret();
  });

  it.each([`redis://${USER}:${WRONG}@:x`, `http://${USER}:${WRONG}@host`, `${USER}:${WRONG}@host`])(
    'when they stand in what is no URL: %#',
    async (url) => {
      const error = await createApp({ options: { url }, logger }).catch((failure: unknown) => failure);
      expect(error).toMatchObject({ name: 'InvalidOptionError' });
      told.push(error);
      await expectNoSecret();
    },
  );
});
