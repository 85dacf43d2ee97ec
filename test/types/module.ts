import { Controller, Injectable, Module, type INestApplication } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import {
  createAdapter,
  InjectRedisStreams,
  RedisStreams,
  RedisStreamsCluster,
  RedisStreamsIoAdapter,
  RedisStreamsModule,
  type GatewayOptions,
  type RedisStreamsModuleOptions,
} from 'nestjs-redis-streams-adapter';
import { createAdapter as bare, type ClusterView, type RedisClient } from 'nestjs-redis-streams-adapter/adapter';
import { RedisStreamsHealthIndicator } from 'nestjs-redis-streams-adapter/health';
import { TestCluster } from 'nestjs-redis-streams-adapter/testing';
import { Redis } from 'ioredis';
import { createClient, type RedisClientType } from 'redis';
import { createClient as createClient5 } from 'redis5';
import { Server } from 'socket.io';

// Clients of redis, whatever their version, protocol, modules and scripts.
const clients: RedisClient[] = [
  createClient(),
  createClient({ RESP: 3, url: 'redis://localhost' }),
  createClient({ modules: {}, scripts: {}, functions: {} }),
  createClient5(),
  createClient5({ RESP: 3 }),
];
export const servers = clients.map((client) => new Server({ adapter: createAdapter(client) }));
declare const typed: RedisClientType;
new Server({ adapter: bare(typed, { redactHandshake: ({ time }) => ({ time }) }) });
// @ts-expect-error a URL is no client
createAdapter('redis://localhost');
// @ts-expect-error unknown option
createAdapter(typed, { maxLenn: 5 });

const adapter = createAdapter(typed);
export const view: ClusterView = adapter.cluster(new Server({ adapter }));
export const ready: Promise<void> = adapter.ready(new Server({ adapter }));

adapter.events.on('gap', ({ stream, missed }) => stream.concat(missed.toFixed()));
adapter.events.once('nodeLeft', ({ reason }) => reason === 'lost');
// @ts-expect-error no such event
adapter.events.on('gaps', () => undefined);
// @ts-expect-error a field of another event
adapter.events.on('streamReset', ({ missed }) => missed);
// @ts-expect-error raised by the adapter alone
adapter.events.emit('gap');

// connectionStateRecovery, which Nest's own type of a gateway's options lacks.
export const options: RedisStreamsModuleOptions = {
  drainTimeout: 10_000,
  serverOptions: { connectionStateRecovery: { maxDisconnectionDuration: 60_000, skipMiddlewares: true } },
};
RedisStreamsModule.forRoot({
  // @ts-expect-error not a number
  serverOptions: { connectionStateRecovery: { maxDisconnectionDuration: 'long' } },
});
// @ts-expect-error the adapter is what this package installs
RedisStreamsModule.forRoot({ serverOptions: { adapter: adapter } });

@WebSocketGateway<GatewayOptions>({ namespace: 'chat', connectionStateRecovery: {}, cors: { origin: '*' } })
export class ChatGateway {}
// @ts-expect-error not a boolean
export const wrong: GatewayOptions = { connectionStateRecovery: { skipMiddlewares: 'yes' } };

@Injectable()
export class Presence {
  constructor(
    private readonly cluster: RedisStreamsCluster,
    @InjectRedisStreams('chat') private readonly chat: RedisStreams,
    @InjectRedisStreams('news') private readonly news: RedisStreams<Redis>,
  ) {}

  async look(): Promise<number> {
    this.chat.events.on('nodeLeft', ({ reason }) => reason === 'lost');
    // @ts-expect-error no such event
    this.chat.events.on('nodeLost', () => undefined);
    // Without a cast.
    const reply: unknown = await this.chat.client.sendCommand(['PING']);
    const pong: string = (await this.chat.client.ping()) + (await this.news.client.ping());
    const { sockets, missing } = await this.cluster.count(['a', 'b'], { namespace: '/chat', timeout: 1_000 });
    const { streams } = await this.chat.cluster.self();
    return sockets + missing.length + streams[0]!.lagMs + String(reply).length + pong.length;
  }
}

@Controller()
export class HealthController {
  constructor(private readonly health: RedisStreamsHealthIndicator) {}

  async check(): Promise<string> {
    const result = await this.health.isHealthy('chat', { name: 'chat', maxLag: 1_000 });
    const ready = await this.health.isReady();
    return result.chat.status + ready['redis-streams'].status;
  }
}

@Module({ imports: [RedisStreamsModule.forRootAsync({ name: 'chat', useFactory: () => options })] })
export class AppModule {}

export async function test(app: INestApplication): Promise<unknown> {
  const cluster = await TestCluster.start({
    createApp: ({ redisUrl, index }) =>
      Promise.resolve(app.useWebSocketAdapter(new RedisStreamsIoAdapter(app, { name: redisUrl + String(index) }))),
  });
  const client = await cluster.connect(0, { namespace: '/chat', auth: { token: 'x' } });
  return client.next('x');
}
