import { Inject, Injectable, Module, Scope } from '@nestjs/common';
import { ModuleRef, NestFactory } from '@nestjs/core';
import { WebSocketGateway } from '@nestjs/websockets';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  getRedisStreamsToken,
  InjectRedisStreams,
  RedisStreams,
  RedisStreamsIoAdapter,
  RedisStreamsModule,
  type RedisStreamsModuleOptions,
  type RedisStreamsOptionsFactory,
} from '../../src/module/index.js';
import { RedisServer } from '../../src/testing/index.js';
import { TestClient } from '../harness/index.js';
import { ChatGateway, createApp, LogLines, startApp } from './fixtures/index.js';

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

/** Names of the connections that Redis has now. */
async function connectionNames(): Promise<string[]> {
  const list = String(await redis.command('CLIENT', 'LIST'));
  return [...list.matchAll(/ name=(\S*)/g)].map(([, name]) => name!);
}

describe('forRoot', () => {
  it('needs no argument: Redis is at REDIS_URL', async () => {
    vi.stubEnv('REDIS_URL', redis.url);
    const app = await startApp({ imports: [RedisStreamsModule.forRoot()] });
    const client = await app.client();
    client.socket.emit('say', 'hello');
    expect(await client.next('said')).toEqual([['hello']]);
  });

  it('makes a client, which is closed with the application', async () => {
    const app = await startApp({ options: { url: redis.url, redis: { name: 'made' } } });
    expect(await connectionNames()).toContain('made');
    await app.nest.close();
    await vi.waitFor(async () => expect(await connectionNames()).not.toContain('made'), 20_000);
  });

  it.each(['connected', 'not connected'])('leaves a client that was given (%s) as it was', async (state) => {
    const client = createClient({ url: redis.url, name: 'given' });
    if (state === 'connected') await client.connect();
    onTestFinished(() => client.destroy());
    const app = await startApp({ options: { client } });
    const chat = await app.client();
    chat.socket.emit('say', 'hello');
    expect(await chat.next('said')).toEqual([['hello']]);
    expect(app.nest.get(RedisStreams).client).toBe(client);
    await app.nest.close();
    expect(client.isOpen).toBe(state === 'connected');
    await vi.waitFor(
      async () =>
        expect((await connectionNames()).filter((name) => name === 'given')).toHaveLength(
          state === 'connected' ? 1 : 0,
        ),
      20_000,
    );
  });

  it('lets every module of the application inject RedisStreams', async () => {
    @Injectable()
    class Elsewhere {
      constructor(@Inject(RedisStreams) readonly redisStreams: RedisStreams) {}
    }
    @Module({ providers: [Elsewhere], exports: [Elsewhere] })
    class ElsewhereModule {}

    const app = await startApp({
      imports: [RedisStreamsModule.forRoot({ url: redis.url }), { module: ElsewhereModule }],
    });
    expect(app.nest.get(Elsewhere).redisStreams).toBe(app.nest.get(RedisStreams));
  });

  it('with `isGlobal: false`, only the modules that import it', async () => {
    @Injectable()
    class Elsewhere {
      constructor(@Inject(RedisStreams) readonly redisStreams: RedisStreams) {}
    }
    @Module({ providers: [Elsewhere] })
    class ElsewhereModule {}

    await expect(
      createApp({
        imports: [RedisStreamsModule.forRoot({ url: redis.url, isGlobal: false }), { module: ElsewhereModule }],
      }),
    ).rejects.toThrow(/can't resolve dependencies of the Elsewhere/);
  });

  it('serves several instances by name, each with a Redis of its own', async () => {
    const other = await RedisServer.start();
    onTestFinished(() => other.stop());
    @Injectable()
    class Both {
      constructor(
        @InjectRedisStreams() readonly first: RedisStreams,
        @InjectRedisStreams('second') readonly second: RedisStreams,
      ) {}
    }
    const logger = new LogLines();
    const app = await startApp({
      imports: [
        RedisStreamsModule.forRoot({ url: redis.url, streamName: 'by-name' }),
        RedisStreamsModule.forRoot({ name: 'second', url: other.url, streamName: 'by-name' }),
      ],
      providers: [Both],
      name: 'second',
      logger,
    });
    const { first, second } = app.nest.get(Both);
    expect(first).not.toBe(second);
    expect(app.nest.get(getRedisStreamsToken('second'))).toBe(second);
    const client = await app.client();
    client.socket.emit('say', 'hello');
    await client.next('said');
    expect(await other.command('EXISTS', 'by-name')).toBe(1);
    expect(await redis.command('EXISTS', 'by-name')).toBe(0);
  });

  it.each<[RedisStreamsModuleOptions, string]>([
    [{ maxLenn: 5 } as object, 'Unknown option `maxLenn`. Did you mean `maxLen`?'],
    [{ readCount: 0 }, 'Option `readCount` must be a whole number, 1 or above, but is 0.'],
    [{ url: 'localhost' }, 'Option `url` is not the URL of a Redis.'],
  ])('refuses the options %o when the application is made', async (options, message) => {
    await expect(createApp({ options })).rejects.toThrow(message);
  });

  it('refuses a name that is none at once', () => {
    expect(() => RedisStreamsModule.forRoot({ name: '' })).toThrow('Option `name` must be a string that is not empty');
  });
});

describe('forRootAsync', () => {
  const options = (): RedisStreamsModuleOptions => ({ url: redis.url, redis: { name: 'async' } });

  @Injectable()
  class Settings implements RedisStreamsOptionsFactory {
    createRedisStreamsOptions(): RedisStreamsModuleOptions {
      return options();
    }
  }

  @Module({ providers: [Settings], exports: [Settings] })
  class SettingsModule {}

  it.each([
    [
      'useFactory',
      () =>
        RedisStreamsModule.forRootAsync({
          imports: [SettingsModule],
          inject: [Settings],
          useFactory: async (settings: Settings) => Promise.resolve(settings.createRedisStreamsOptions()),
        }),
    ],
    ['useClass', () => RedisStreamsModule.forRootAsync({ useClass: Settings })],
    ['useExisting', () => RedisStreamsModule.forRootAsync({ imports: [SettingsModule], useExisting: Settings })],
  ])('takes the options from %s', async (_way, register) => {
    const app = await startApp({ imports: [register()] });
    expect(await connectionNames()).toContain('async');
    const client = await app.client();
    client.socket.emit('say', 'hello');
    expect(await client.next('said')).toEqual([['hello']]);
  });

  it('takes the name beside the factory', async () => {
    const app = await startApp({
      imports: [RedisStreamsModule.forRootAsync({ name: 'chat', useFactory: options })],
      name: 'chat',
    });
    expect(app.nest.get(getRedisStreamsToken('chat'))).toBeInstanceOf(RedisStreams);
  });

  it('says so when the factory returns nothing', async () => {
    const register = RedisStreamsModule.forRootAsync({ useFactory: () => undefined as never });
    await expect(createApp({ imports: [register] })).rejects.toThrow(
      'The options of RedisStreamsModule must be an object, but are undefined.',
    );
  });

  it('says so when the factory returns what belongs beside it', async () => {
    const register = RedisStreamsModule.forRootAsync({ useFactory: () => ({ name: 'chat' }) as object });
    await expect(createApp({ imports: [register] })).rejects.toThrow('Option `name` comes too late');
  });
});

describe('RedisStreamsIoAdapter', () => {
  it('says what to do when the module is missing', async () => {
    const app = await createApp({ imports: [], gateways: [ChatGateway] });
    await expect(app.init()).rejects.toThrow(
      'RedisStreamsIoAdapter found no RedisStreamsModule in the application. Make sure that a module of it imports ' +
        'RedisStreamsModule.forRoot() or RedisStreamsModule.forRootAsync().',
    );
  });

  it('says what to do when the options are made anew for each request', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Requested {}
    @Module({ providers: [Requested], exports: [Requested] })
    class RequestedModule {}
    const register = RedisStreamsModule.forRootAsync({
      imports: [RequestedModule],
      inject: [Requested],
      useFactory: () => ({ url: redis.url }),
    });
    const app = await createApp({ imports: [register], gateways: [ChatGateway] });
    await expect(app.init()).rejects.toThrow(
      'nothing that RedisStreamsModule.forRootAsync() injects is of the scope REQUEST',
    );
  });

  it('says what to do when there is none of that name', async () => {
    const app = await createApp({ options: { url: redis.url }, name: 'chat' });
    await expect(app.init()).rejects.toThrow("imports RedisStreamsModule.forRoot({ name: 'chat' })");
  });

  it('says what to do when it is registered twice', async () => {
    const app = await createApp({
      imports: [RedisStreamsModule.forRoot({ url: redis.url }), RedisStreamsModule.forRoot({ url: redis.url })],
    });
    await expect(app.init()).rejects.toThrow('RedisStreamsIoAdapter found 2 RedisStreamsModules without a name');
  });

  it('can be a provider that is made from its ModuleRef', async () => {
    @Injectable()
    class OwnAdapter extends RedisStreamsIoAdapter {
      constructor(@Inject(ModuleRef) moduleRef: ModuleRef) {
        super(moduleRef);
      }
    }
    @Module({
      imports: [RedisStreamsModule.forRoot({ url: redis.url })],
      providers: [OwnAdapter, ChatGateway],
    })
    class AppModule {}
    const app = await NestFactory.create(AppModule, { abortOnError: false, logger: new LogLines() });
    onTestFinished(() => app.close());
    app.useWebSocketAdapter(app.get(OwnAdapter));
    await app.listen(0, '127.0.0.1');
    const client = await new TestClient(await app.getUrl()).connect();
    onTestFinished(() => client.close());
    client.socket.emit('say', 'hello');
    expect(await client.next('said')).toEqual([['hello']]);
  });

  it('refuses a gateway that sets an adapter of its own', async () => {
    @WebSocketGateway({ adapter: class {} })
    class OwnWay {}
    const app = await createApp({ options: { url: redis.url }, gateways: [OwnWay] });
    await expect(app.init()).rejects.toThrow('A gateway sets the option `adapter`');
  });

  it('needs an application with an HTTP server', async () => {
    @Module({ imports: [RedisStreamsModule.forRoot({ url: redis.url })] })
    class AppModule {}
    const context = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
    onTestFinished(() => context.close());
    expect(() => new RedisStreamsIoAdapter(context).createIOServer(0)).toThrow(
      'RedisStreamsIoAdapter found no HTTP server in the application.',
    );
  });
});
