import { createClient } from 'redis';
import { freePort } from './free-port.js';
import { findProgram, type RedisInstance } from './program.js';

const PORT_ATTEMPTS = 5;

/** Options of {@link RedisServer.start}. Every one has a default. */
export interface RedisServerOptions {
  /** Port on 127.0.0.1. Default: a free one. */
  port?: number;
  /** Keep every write in the append-only file before it is answered, so that it survives `kill()`. Default `false`: nothing is kept. */
  appendOnly?: boolean;
  /** Further arguments of `redis-server`, for example `['--maxmemory', '10mb']`. See https://redis.io/docs/latest/operate/oss_and_stack/management/config/ */
  args?: readonly string[];
  /** Content of a configuration file, for what no argument can tell; not in a container. Default: none. */
  config?: string;
}

/** Options of {@link RedisServer.restart}. */
export interface RestartOptions {
  /** Throw the data away first. Default `false`. */
  empty?: boolean;
}

/**
 * A real Redis server for tests and for trying things out, that can be killed, paused and restarted. It listens on
 * 127.0.0.1 and ends with this process, however that ends.
 */
export class RedisServer {
  /** Address that it listens on. */
  readonly host = '127.0.0.1';

  private constructor(
    /** Port that it listens on. */
    readonly port: number,
    /** Which server was found on this machine, and where. */
    readonly source: string,
    private readonly instance: RedisInstance,
  ) {}

  /** For example `redis://127.0.0.1:12345`. */
  get url(): string {
    return `redis://${this.host}:${this.port}`;
  }

  /**
   * Starts a server and waits until it takes commands.
   *
   * @throws if this machine has no Redis and none can be brought, with what to do about it; or if the server does not start,
   * with its last words.
   */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const { config } = options;
    const program = await findProgram();
    const persistence = options.appendOnly
      ? ['--appendonly', 'yes', '--appendfsync', 'always']
      : ['--appendonly', 'no'];
    const args = ['--save', '', ...persistence, ...(options.args ?? [])];
    for (let attempt = 1; ; attempt += 1) {
      const port = options.port ?? (await freePort());
      const server = new RedisServer(
        port,
        program.source,
        await program.create({ port, args, ...(config !== undefined && { config }) }),
      );
      try {
        await server.launch();
        return server;
      } catch (error) {
        await server.stop();
        // Another process was quicker to take the free port.
        const taken = /address already in use|port is already allocated/i.test((error as Error).message);
        if (!taken || options.port !== undefined || attempt === PORT_ATTEMPTS) {
          throw error;
        }
      }
    }
  }

  /** Ends the server gracefully, and removes its data. */
  async stop(): Promise<void> {
    await this.instance.terminate();
    await this.instance.remove();
  }

  /** Ends the server on the spot (SIGKILL); resolves once it is gone. */
  async kill(): Promise<void> {
    await this.instance.kill();
  }

  /** Starts the server again on the same port with the data that it kept; ends it gracefully first if it still runs. Resolves once it takes commands. */
  async restart(options: RestartOptions = {}): Promise<void> {
    await this.instance.terminate();
    if (options.empty) {
      await this.instance.clear();
    }
    await this.launch();
  }

  /** Stops the server in its tracks (SIGSTOP): connections stay open, and nothing is answered. */
  async pause(): Promise<void> {
    await this.instance.pause();
  }

  /** Lets a paused server go on. */
  async resume(): Promise<void> {
    await this.instance.resume();
  }

  /** Sends one command over a connection of its own, for example `command('XLEN', 'socket.io')`, and resolves with the reply. */
  async command(...args: string[]): Promise<unknown> {
    const client = createClient({ url: this.url, socket: { reconnectStrategy: false } });
    // The failed call rejects; without a listener the same error would end the process.
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await client.sendCommand(args);
    } finally {
      client.destroy();
    }
  }

  private async launch(): Promise<void> {
    try {
      await this.instance.start();
    } catch (error) {
      const what = `The Redis server (${this.source}) did not start on port ${this.port}.`;
      throw new Error(`${what} ${(error as Error).message}`, { cause: error });
    }
  }
}
