import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { toError } from '../adapter/errors.js';
import type { AdapterFactory } from '../adapter/index.js';
import { handOver, refuseClients } from './drain.js';
import type { SocketServerAddress } from './module-options.js';
import type { SocketIoServer } from './socket-io.types.js';

/** A Socket.IO server of the application, with the adapter that it runs on. */
export class ManagedServer {
  #closing: { adapter: Promise<void>; http: Promise<void> } | undefined;

  constructor(
    readonly address: SocketServerAddress,
    readonly server: SocketIoServer,
    readonly adapter: AdapterFactory,
    /** Made for a gateway with a port of its own. */
    private readonly ownHttpServer: HttpServer | undefined,
  ) {}

  /** Whether it is on the port of the application. */
  get isShared(): boolean {
    return this.ownHttpServer === undefined;
  }

  /** Whether it is in the cluster now. */
  get joined(): boolean {
    return this.adapter.snapshot().some(({ joined }) => joined);
  }

  /** Resolves once the adapter is ready. */
  ready(): Promise<void> {
    return this.adapter.ready(this.server);
  }

  /** Listens on the port of the gateway, if it has one of its own. */
  async listen(): Promise<void> {
    if (this.ownHttpServer === undefined || this.ownHttpServer.listening || this.#closing) return;
    const { port } = this.address;
    this.ownHttpServer.listen(port);
    try {
      await once(this.ownHttpServer, 'listening');
    } catch (error) {
      throw new Error(
        `The gateway with port ${port} cannot listen: ${toError(error).message}. Make sure that nothing else uses the port.`,
        { cause: error },
      );
    }
  }

  /** Lets no more clients in, and hands those that are there over to other nodes, within `duration` ms; for 0, they stay until {@link close}. */
  async drain(duration: number): Promise<void> {
    refuseClients(this.server);
    if (duration > 0) await handOver(this.server, duration);
  }

  /**
   * Disconnects the clients and closes the adapter; what is to be saved is saved before Redis is let go. Called again, it
   * waits for the same.
   *
   * @param awaitHttp whether to wait, too, until the last HTTP connection has ended.
   */
  async close({ awaitHttp }: { awaitHttp: boolean }): Promise<void> {
    // Server.close() hands the sessions of its clients to the adapters before it waits for anything, so the adapter can be
    // told at once that no more will come.
    this.#closing ??= {
      http: new Promise<void>((resolve) => void this.server.close(() => resolve())),
      adapter: this.adapter.close(this.server),
    };
    await Promise.all([this.#closing.adapter, awaitHttp && this.#closing.http]);
  }
}
