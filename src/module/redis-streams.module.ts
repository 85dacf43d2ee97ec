import {
  Inject,
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import type {
  RedisStreamsModuleAsyncOptions,
  RedisStreamsModuleExtras,
  RedisStreamsModuleOptions,
} from './module-options.js';
import { validateModuleExtras } from './module-options.validation.js';
import type { ClientHandle } from './redis-client.js';
import { ConfigurableModuleClass } from './redis-streams.module-definition.js';
import type { RedisStreams } from './redis-streams.js';
import { INSTANCE, REDIS_CLIENT, SOCKET_SERVERS } from './redis-streams.tokens.js';
import type { SocketServers } from './socket-servers.js';

/**
 * Connects the application to Redis, for `RedisStreamsIoAdapter`. Exports `RedisStreams` and, unless it has a name, `RedisStreamsEmitter` and `RedisStreamsCluster`.
 *
 * `app.init()`, and so `app.listen()`, waits until the adapter of every Socket.IO server is ready, and rejects when Redis
 * cannot be reached within `readyTimeout`. When the application stops, no more clients are let in, those that are there are handed over
 * to other nodes within `drainTimeout`, and sessions are saved before Redis is let go.
 */
@Module({})
export class RedisStreamsModule
  extends ConfigurableModuleClass
  implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown
{
  /** @internal */
  constructor(
    @Inject(SOCKET_SERVERS) private readonly servers: SocketServers,
    @Inject(INSTANCE) private readonly instance: RedisStreams,
    @Inject(REDIS_CLIENT) private readonly redis: ClientHandle,
  ) {
    super();
  }

  /**
   * Registers the module with the options given.
   *
   * @param options see {@link RedisStreamsModuleOptions}. Default: Redis at `REDIS_URL`, or at `redis://localhost:6379`.
   * @throws {InvalidOptionError} for `name` and `isGlobal` at once, for the others when the application is made.
   */
  static override forRoot(options: RedisStreamsModuleOptions & RedisStreamsModuleExtras = {}): DynamicModule {
    validateModuleExtras(options);
    return super.forRoot(options);
  }

  /**
   * Registers the module with options that a factory (`useFactory`), a class (`useClass`) or a provider (`useExisting`) makes.
   *
   * @throws {InvalidOptionError} for `name` and `isGlobal` at once, for the others when the application is made.
   */
  static override forRootAsync(options: RedisStreamsModuleAsyncOptions): DynamicModule {
    validateModuleExtras(options);
    return super.forRootAsync(options);
  }

  /** Called by Nest. Resolves when every Socket.IO server is in the cluster. */
  async onApplicationBootstrap(): Promise<void> {
    try {
      await this.servers.start();
    } catch (error) {
      // Nothing goes on trying to reach Redis, also when the application is not closed after a failed start.
      await this.letGo();
      throw error;
    }
  }

  /** Called by Nest when a stop begins. Tells load balancers, before other modules take their time. */
  onModuleDestroy(): void {
    this.servers.announceStop();
  }

  /** Called by Nest when everything is still there. Hands the clients over. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.servers.drain();
  }

  /** Called by Nest at the end of a stop. Leaves the cluster, and lets Redis go. */
  async onApplicationShutdown(): Promise<void> {
    await this.letGo();
  }

  private async letGo(): Promise<void> {
    try {
      await Promise.all([this.servers.stop(), this.instance.emitter.close()]);
    } finally {
      await this.redis.close();
    }
  }
}
