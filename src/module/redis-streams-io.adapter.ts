import { createServer, type Server as HttpServer } from 'node:http';
import type { INestApplicationContext } from '@nestjs/common';
import { HttpAdapterHost, type ModuleRef } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { ManagedServer } from './managed-server.js';
import { moduleNotFound } from './module-not-found.js';
import { getSocketServersToken } from './redis-streams.tokens.js';
import { mergeServerOptions, serverAddress } from './server-options.js';
import type { FullServerOptions, SocketIoServer } from './socket-io.types.js';
import type { SocketServers } from './socket-servers.js';

type BindArguments = Parameters<IoAdapter['bindMessageHandlers']>;

/** Options of {@link RedisStreamsIoAdapter}. */
export interface RedisStreamsIoAdapterOptions {
  /** The instance of `RedisStreamsModule` to use, by its option `name`. Default: the one without a name. */
  name?: string;
}

/**
 * Nest's Socket.IO adapter, with every server of the application in a cluster.
 *
 * ```ts
 * const app = await NestFactory.create(AppModule); // imports RedisStreamsModule.forRoot()
 * app.useWebSocketAdapter(new RedisStreamsIoAdapter(app));
 * await app.listen(3000);
 * ```
 */
export class RedisStreamsIoAdapter extends IoAdapter {
  #servers: SocketServers | undefined;

  /** @param app the application; in a provider of your own, its `ModuleRef`. */
  constructor(
    private readonly app: INestApplicationContext | ModuleRef,
    private readonly options: RedisStreamsIoAdapterOptions = {},
  ) {
    // The application's HTTP server is looked up when it is needed: while providers are made, there is none.
    super();
  }

  /**
   * Makes a Socket.IO server whose options are the module's `serverOptions`, overridden one by one by the gateway's.
   *
   * @throws if the module is not imported, or if a gateway sets an adapter of its own.
   */
  override createIOServer(port: number, options?: FullServerOptions): SocketIoServer {
    const servers = this.#findServers();
    const merged = mergeServerOptions(servers.options.serverOptions, options);
    const address = serverAddress(port, merged.path);
    const adapter = servers.createAdapter(address);
    const ownHttpServer =
      port === 0 ? undefined : createServer((_request, response) => void response.writeHead(404).end());
    // Given a port, Socket.IO would listen on it at once, before the adapter is ready. Its constructor takes an HTTP server
    // in the same place.
    const httpServerOrPort = (ownHttpServer ?? this.#sharedHttpServer()) as unknown as number;
    const server = super.createIOServer(httpServerOrPort, { ...merged, adapter } as unknown as FullServerOptions);
    servers.add(new ManagedServer(address, server, adapter, ownHttpServer));
    return server;
  }

  /** Runs each handler of a gateway inside a span, unless the option `telemetry` is `false`. */
  override bindMessageHandlers(
    socket: BindArguments[0],
    handlers: BindArguments[1],
    transform: BindArguments[2],
  ): void {
    const { telemetry } = this.#findServers();
    if (!telemetry) return super.bindMessageHandlers(socket, handlers, transform);
    const traced = handlers.map((handler) => ({
      ...handler,
      callback: (...args: unknown[]) =>
        telemetry.handle(socket.nsp.name, String(handler.message), () => handler.callback(...args)),
    }));
    super.bindMessageHandlers(socket, traced, (result) => telemetry.follow(result, transform(result)));
  }

  /** Disconnects the clients of a server, saves their sessions and lets Redis go. Can be called again. */
  override async close(server: SocketIoServer): Promise<void> {
    const managed = this.#servers?.get(server);
    if (managed === undefined) return super.close(server);
    // Nest ends the connections itself only after this, and waiting for them here would be waiting for ever.
    if (this.forceCloseConnections && managed.isShared) return;
    await managed.close({ awaitHttp: true });
  }

  /** Closes the servers that are still open. */
  override async dispose(): Promise<void> {
    await super.dispose();
    await this.#servers?.stop();
  }

  #findServers(): SocketServers {
    if (this.#servers) return this.#servers;
    const { name } = this.options;
    let found: SocketServers[];
    try {
      found = this.app.get<SocketServers>(getSocketServersToken(name), { strict: false, each: true });
    } catch (error) {
      throw moduleNotFound('RedisStreamsIoAdapter', name, error);
    }
    if (found.length > 1) {
      throw new Error(
        `RedisStreamsIoAdapter found ${found.length} RedisStreamsModules ${name === undefined ? 'without a name' : `called '${name}'`} ` +
          'in the application. Make sure that one module of it imports RedisStreamsModule, or give each of them a `name`.',
      );
    }
    this.#servers = found[0]!;
    return this.#servers;
  }

  #sharedHttpServer(): HttpServer {
    const { httpAdapter } = this.app.get(HttpAdapterHost, { strict: false });
    const httpServer: HttpServer | undefined = httpAdapter?.getHttpServer();
    if (!httpServer) {
      throw new Error(
        'RedisStreamsIoAdapter found no HTTP server in the application. Make sure that it is made with NestFactory.create(), ' +
          'not with createApplicationContext() or createMicroservice().',
      );
    }
    return httpServer;
  }
}
