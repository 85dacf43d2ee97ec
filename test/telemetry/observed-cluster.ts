import { Module, type INestApplication, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  type OnGatewayInit,
} from '@nestjs/websockets';
import type { Server, Socket } from 'socket.io';
import { RedisStreamsIoAdapter, RedisStreamsModule, type RedisStreamsModuleOptions } from '../../src/module/index.js';
import { TestCluster } from '../../src/testing/index.js';
import { Recorder } from './recorder.js';

/** Messages that find room in the outbox. */
export const OUTBOX = 20;

@WebSocketGateway()
export class ChatGateway implements OnGatewayInit<Server> {
  @WebSocketServer() server!: Server;

  afterInit(server: Server): void {
    server.of(/^\/dynamic-\d+$/);
    server.on('question', (answer: (text: string) => void) => answer('answer'));
    server.on('trouble', () => {
      throw new RangeError('trouble');
    });
  }

  @SubscribeMessage('say')
  say(@MessageBody() text: string): void {
    this.server.emit('said', text);
  }

  @SubscribeMessage('join')
  async join(@ConnectedSocket() socket: Socket, @MessageBody() room: string): Promise<void> {
    await socket.join(room);
  }
}

@WebSocketGateway({ namespace: 'chat' })
class NewsGateway {}

/** What the applications of a test have beyond those of the others. */
export interface ObservedOptions {
  module?: RedisStreamsModuleOptions;
  gateways?: Type[];
}

/** Nest applications, each of which records its telemetry. */
export class ObservedCluster {
  private constructor(
    readonly test: TestCluster,
    readonly recorders: readonly Recorder[],
  ) {}

  /** Node 0 restores sessions from its memory, the others from Redis. */
  static async start(nodes: number, options: ObservedOptions = {}): Promise<ObservedCluster> {
    const recorders: Recorder[] = [];
    const createApp = async ({ index }: { index: number }): Promise<INestApplication> => {
      const recorder = (recorders[index] ??= new Recorder());
      const app = await NestFactory.create(appModule(recorder, index, options), { logger: false, abortOnError: false });
      return app.useWebSocketAdapter(new RedisStreamsIoAdapter(app));
    };
    return new ObservedCluster(await TestCluster.start({ nodes, createApp, redis: { appendOnly: true } }), recorders);
  }

  server(index: number): Server {
    return this.test.nodes[index]!.app.get(ChatGateway).server;
  }

  /** Forbids a command to everybody, as an operator may by mistake. */
  async forbid(command: string): Promise<void> {
    await this.test.redis.command('ACL', 'SETUSER', 'default', `-${command}`);
  }

  async allow(command: string): Promise<void> {
    await this.test.redis.command('ACL', 'SETUSER', 'default', `+${command}`);
  }
}

function appModule(
  { tracerProvider, meterProvider }: Recorder,
  index: number,
  { module = {}, gateways = [] }: ObservedOptions,
): Type {
  @Module({
    imports: [
      RedisStreamsModule.forRoot({
        heartbeatInterval: 100,
        heartbeatTimeout: 3_000,
        blockTimeInMs: 200,
        requestTimeout: 1_500,
        restoreTimeout: 2_000,
        outboxMaxLen: OUTBOX,
        ...(index > 0 && { recentMaxBytes: 0 }),
        serverOptions: { connectionStateRecovery: {} },
        telemetry: { tracerProvider, meterProvider },
        ...module,
      }),
    ],
    providers: [ChatGateway, NewsGateway, ...gateways],
  })
  class AppModule {}
  return AppModule;
}
