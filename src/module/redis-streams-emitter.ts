import { Emitter, type AnyEvents, type EmitterSnapshot } from '../adapter/index.js';
import type { SocketServerAddress } from './module-options.js';
import { describeServer, serverAddress } from './server-options.js';
import type { SocketServers } from './socket-servers.js';

/**
 * Emits to the clients of all nodes from any process of yours: one that serves HTTP only, a microservice, a worker made with
 * `createApplicationContext()`. It needs no Socket.IO server, and is not counted as a node.
 *
 * ```ts
 * constructor(private readonly emitter: RedisStreamsEmitter<ServerToClientEvents>) {}
 *
 * async process(order: Order): Promise<void> {
 *   await this.emitter.to(order.customer).emit('order', order.id);
 * }
 * ```
 *
 * Its connection to Redis is opened when it is first used, and closed with the application, once what it emitted is written.
 *
 * @typeParam Events the events that clients listen to, as in `Server<…>`. Default: any.
 * @typeParam ServerSideEvents the events of `serverSideEmit()`, as in `Server<…>`. Default: any.
 */
export class RedisStreamsEmitter<
  Events extends object = AnyEvents,
  ServerSideEvents extends object = AnyEvents,
> extends Emitter<Events, ServerSideEvents> {
  readonly #servers: SocketServers;
  /** Emitters for other servers than the main one, by how they are called in the log. */
  readonly #others = new Map<string, Emitter>();
  #closed = false;

  /** @internal */
  constructor(servers: SocketServers) {
    super(servers.client, servers.adapterOptions(servers.mainAddress));
    this.#servers = servers;
    servers.relay(this.events, 'emitter');
  }

  /**
   * Emits to the clients of the gateways with a port or a path of their own, which are a cluster of their own.
   *
   * @param server the port and the path in the decorator of the gateway. Default: those of the gateways that set none.
   */
  forServer<E extends object = Events, S extends object = ServerSideEvents>(
    server: Partial<SocketServerAddress>,
  ): Emitter<E, S> {
    const { mainAddress } = this.#servers;
    const address = serverAddress(server.port ?? 0, server.path ?? mainAddress.path);
    if (address.port === mainAddress.port && address.path === mainAddress.path) return this as unknown as Emitter<E, S>;
    const label = `emitter for ${describeServer(address)}`;
    let emitter = this.#others.get(label);
    if (emitter === undefined) {
      emitter = new Emitter(this.#servers.client, this.#servers.adapterOptions(address));
      this.#servers.relay(emitter.events, label);
      this.#others.set(label, emitter);
      // refuses what it is asked to emit, as this one does
      if (this.#closed) void emitter.close();
    }
    return emitter as unknown as Emitter<E, S>;
  }

  /** @internal The state of those emitters that are in use. */
  snapshots(): Array<EmitterSnapshot & { label: string }> {
    return [['emitter', this] as const, ...this.#others].flatMap(([label, emitter]) => {
      const snapshot = emitter.snapshot();
      return snapshot ? [{ label, ...snapshot }] : [];
    });
  }

  /** The module does this when the application stops. */
  override async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([super.close(), ...[...this.#others.values()].map((emitter) => emitter.close())]);
  }
}
