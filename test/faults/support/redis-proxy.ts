import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

interface Link {
  client: Socket;
  server: Socket;
  /** Replies get lost. */
  mute: boolean;
  /** Commands get lost. */
  deaf: boolean;
}

/**
 * Stands between nodes and Redis, and loses what it is told to lose on the way: what a kill does by chance, it does each time.
 */
export class RedisProxy {
  readonly #links = new Set<Link>();
  #listening!: Server;
  #everyNth = 0;
  #seen = 0;
  #freezeAt: string | undefined;
  #frozen = false;
  #shut = false;
  /** Replies to XADD that were lost so far. */
  lost = 0;

  private constructor(private readonly target: { host: string; port: number }) {}

  static async start(target: { host: string; port: number }): Promise<RedisProxy> {
    const proxy = new RedisProxy(target);
    proxy.#listening = createServer((client) => proxy.#open(client));
    await new Promise<void>((resolve) => proxy.#listening.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => proxy.#close());
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#listening.address() as AddressInfo).port}`;
  }

  /** From now on, of every nth XADD Redis' reply is lost, and the connection with it. 0 for none. */
  loseReplies(everyNth: number): void {
    this.#everyNth = everyNth;
  }

  /** Whoever loses a connection gets no new one until {@link admit}. */
  shut(): void {
    this.#shut = true;
  }

  admit(): void {
    this.#shut = false;
  }

  /** What Redis says is no longer heard on the connections that there are, and nobody is told; new ones work. */
  mute(): void {
    for (const link of this.#links) link.mute = true;
  }

  /** As {@link mute}, and Redis hears nothing on these connections, either. */
  deaden(): void {
    for (const link of this.#links) link.mute = link.deaf = true;
  }

  /** From the next command of this name on, nothing gets through in either direction until {@link thaw}; connections stay. */
  freezeAt(command: string): void {
    this.#freezeAt = command;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  thaw(): void {
    this.#frozen = false;
    for (const { client, server } of this.#links) for (const socket of [client, server]) socket.resume();
  }

  #freeze(): void {
    this.#freezeAt = undefined;
    this.#frozen = true;
    for (const { client, server } of this.#links) for (const socket of [client, server]) socket.pause();
  }

  #open(client: Socket): void {
    if (this.#shut) return void client.on('error', () => undefined).destroy();
    const server = connect(this.target);
    const link: Link = { client, server, mute: false, deaf: false };
    this.#links.add(link);
    let losing = false;
    client.on('data', (bytes) => {
      if (this.#freezeAt !== undefined && bytes.includes(this.#freezeAt)) this.#freeze();
      if (this.#everyNth > 0 && bytes.includes('XADD') && ++this.#seen % this.#everyNth === 0) losing = true;
      if (!link.deaf) server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (losing) {
        this.lost++;
        client.destroy();
        server.destroy();
      } else if (!link.mute) {
        client.write(bytes);
      }
    });
    if (this.#frozen) for (const socket of [client, server]) socket.pause();
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#links.delete(link);
        other.destroy();
      });
    }
  }

  #close(): void {
    this.#listening.close();
    for (const { client, server } of this.#links) {
      client.destroy();
      server.destroy();
    }
  }
}
