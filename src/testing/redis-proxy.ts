import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * Stands between one node and Redis, so that the node can lose Redis while the others have it. It does not keep the process running.
 */
export class RedisProxy {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server = createServer((socket) => this.#open(socket)).unref();
  #state: 'open' | 'cut' | 'stalled' = 'open';

  private constructor(private port: number) {}

  /** @param port that of Redis, on 127.0.0.1. */
  static async start(port: number): Promise<RedisProxy> {
    const proxy = new RedisProxy(port);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Connections through it, each counted at both ends. */
  get size(): number {
    return this.#sockets.size;
  }

  /** New connections lead to `port` from now on, as when a DNS name was changed; those that there are stay. */
  lead(port: number): void {
    this.port = port;
  }

  /** Breaks every connection, and each new one, until {@link restore}. */
  cut(): void {
    this.#state = 'cut';
    this.#destroy();
  }

  /** Passes nothing on, in either direction, until {@link restore}; connections stay. */
  stall(): void {
    this.#state = 'stalled';
    for (const socket of this.#sockets) socket.pause();
  }

  restore(): void {
    this.#state = 'open';
    for (const socket of this.#sockets) socket.resume();
  }

  stop(): void {
    this.#server.close();
    this.#destroy();
  }

  #open(client: Socket): void {
    if (this.#state === 'cut') return void client.destroy();
    const redis = connect(this.port, '127.0.0.1');
    this.#forward(client, redis);
    this.#forward(redis, client);
  }

  #forward(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.unref();
    from.on('data', (bytes) => {
      if (to.write(bytes)) return;
      from.pause();
      to.once('drain', () => {
        if (this.#state !== 'stalled') from.resume();
      });
    });
    // 'close' follows
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    if (this.#state === 'stalled') from.pause();
  }

  #destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
