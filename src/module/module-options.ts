import type { ConfigurableModuleAsyncOptions } from '@nestjs/common';
import type { RedisClientOptions } from 'redis';
import type { RedisClient, RedisStreamsAdapterOptions } from '../adapter/index.js';
import type { TelemetryOptions } from '../telemetry/index.js';
import type { ServerOptions } from './socket-io.types.js';

/** What tells the Socket.IO servers of one application apart. */
export interface SocketServerAddress {
  /** Port of the gateway: `0` for a gateway on the port of the application. */
  port: number;
  /** Path of the gateway, `/socket.io` by default. */
  path: string;
}

/**
 * Options of the module: those of the adapter, and where Redis is. Every one has a default.
 *
 * At most one of `client` and `url`/`redis` can be given. With none of them, Redis is looked for at the URL in the
 * environment variable `REDIS_URL`, then at `redis://localhost:6379`.
 */
export interface RedisStreamsModuleOptions extends Omit<RedisStreamsAdapterOptions, 'scope' | 'telemetry'> {
  /**
   * A client of yours, connected or not. The module opens connections of its own with the same settings, and never closes
   * the one given. Default: the module makes a client, and closes it once the application has stopped.
   */
  client?: RedisClient;
  /** Where Redis is, for example `redis://user:password@localhost:6379/0`, or `rediss://…` for TLS. Default `REDIS_URL`, then `redis://localhost:6379`. */
  url?: string;
  /** Options of the client that the module makes. See https://github.com/redis/node-redis/blob/master/docs/client-configuration.md */
  redis?: RedisClientOptions;
  /**
   * Options of every Socket.IO server of the application, for example `cors` or `connectionStateRecovery`. What a gateway
   * sets in its decorator overrides them, option by option. Default: none.
   *
   * Of several gateways on the same port and path, Nest asks one alone for options: what they share belongs here.
   *
   * @see https://socket.io/docs/v4/server-options/
   */
  serverOptions?: ServerOptions;
  /**
   * Separates Socket.IO servers that share a Redis: only servers of the same scope exchange packets and sessions.
   *
   * - A string separates this application from others; its own servers stay apart from each other all the same.
   * - A function is called once a server, and its result is the server's whole scope; `undefined` stands for the default.
   *
   * Default: none for the server on the application's own port at `/socket.io`, otherwise its port and path.
   */
  scope?: string | ((server: SocketServerAddress) => string | undefined);
  /**
   * Over how long a stop hands the clients of this node over to the others, in milliseconds: they are disconnected evenly over that time,
   * so that the other nodes are not stormed. It is over as soon as nobody is connected any more. Default 0: all at once.
   *
   * It is part of what a stop takes: keep it below the time after which the process is killed (in Kubernetes,
   * `terminationGracePeriodSeconds`). A signal stops an application that has called `enableShutdownHooks()`.
   */
  drainTimeout?: number;
  /** Where spans and metrics go; `false` for nowhere. Default: to the providers registered with `@opentelemetry/api`. */
  telemetry?: false | TelemetryOptions;
}

/** What the module must know before the options are there: beside `useFactory`, `useClass` or `useExisting` in `forRootAsync`. */
export interface RedisStreamsModuleExtras {
  /** Name of this instance of the module, for an application that needs several. Default: none. */
  name?: string | undefined;
  /** Whether every module of the application can inject what this one exports, without importing it. Default `true`. */
  isGlobal?: boolean | undefined;
}

/** For `forRootAsync({ useClass })` and `forRootAsync({ useExisting })`: a provider that makes the options. */
export interface RedisStreamsOptionsFactory {
  /** Makes the options, once, when the application is made. */
  createRedisStreamsOptions(): Promise<RedisStreamsModuleOptions> | RedisStreamsModuleOptions;
}

/** Argument of `RedisStreamsModule.forRootAsync`. */
export type RedisStreamsModuleAsyncOptions = ConfigurableModuleAsyncOptions<
  RedisStreamsModuleOptions,
  keyof RedisStreamsOptionsFactory
> &
  RedisStreamsModuleExtras;
