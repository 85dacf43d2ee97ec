import type { INestApplication } from '@nestjs/common';
import { RedisServer, type RedisServerOptions } from './redis-server.js';
import type { ClientOptions, TestClient } from './test-client.js';
import { TestNode, type CreateApp } from './test-node.js';
import { waitFor, type WaitOptions } from './wait-for.js';

/** Options of {@link TestCluster.start}. */
export interface TestClusterOptions<App extends INestApplication> {
  /**
   * Makes an application like the one in production, with its Socket.IO adapter, but does not let it listen. It is called once a node, and
   * again when a node is restarted.
   */
  createApp: CreateApp<App>;
  /** Number of nodes. Default 2. */
  nodes?: number;
  /** Redis for the cluster: a server that runs already, which the cluster leaves running; or options for one of its own. Default: one of its own. */
  redis?: RedisServer | RedisServerOptions;
  /** The instance of `RedisStreamsModule` that the gateways use, by its option `name`. Default: the one without a name. */
  instance?: string;
}

/**
 * Several nodes of an application in one process, over a real Redis, with real clients, and with everything that can go wrong between them.
 *
 * ```ts
 * const cluster = await TestCluster.start({
 *   nodes: 3,
 *   createApp: async () => {
 *     const app = await NestFactory.create(AppModule, { logger: false });
 *     app.useWebSocketAdapter(new RedisStreamsIoAdapter(app));
 *     return app;
 *   },
 * });
 * const client = await cluster.connect(2);
 * cluster.nodes[0].app.get(ChatGateway).server.emit('hello', 'world');
 * await client.next('hello'); // [['world']]
 * await cluster.stop();
 * ```
 *
 * Once it is stopped, nothing is left that would keep the process running.
 */
export class TestCluster<App extends INestApplication = INestApplication> {
  readonly #nodes: TestNode<App>[] = [];
  readonly #clients = new Set<TestClient>();

  private constructor(
    /** Redis, to kill, pause and restart. */
    readonly redis: RedisServer,
    private readonly ownsRedis: boolean,
    private readonly options: TestClusterOptions<App>,
  ) {}

  /**
   * Starts the nodes, and waits until they know each other.
   *
   * @throws what an application throws at its start; nothing is left running then.
   */
  static async start<App extends INestApplication>(options: TestClusterOptions<App>): Promise<TestCluster<App>> {
    const { redis, nodes = 2 } = options;
    const given = redis instanceof RedisServer;
    const cluster = new TestCluster(given ? redis : await RedisServer.start(redis), !given, options);
    try {
      // One after the other, as each finds its own way to Redis in the environment.
      for (let i = 0; i < nodes; i++) await cluster.addNode();
      await cluster.settled();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** The nodes, also those that were stopped. */
  get nodes(): readonly TestNode<App>[] {
    return this.#nodes;
  }

  /** Starts one more node. {@link settled} tells when the others know of it. */
  async addNode(): Promise<TestNode<App>> {
    const { createApp, instance } = this.options;
    const node = await TestNode.start(this.#nodes.length, this.redis.port, createApp, instance);
    this.#nodes.push(node);
    return node;
  }

  /** A client that is connected to a node. It is disconnected with the cluster. */
  async connect(node: TestNode<App> | number, options?: ClientOptions): Promise<TestClient> {
    return (await this.client(node, options)).connect();
  }

  /** A client that is not connected yet. */
  async client(node: TestNode<App> | number, options?: ClientOptions): Promise<TestClient> {
    const { TestClient: Client } = await loadClient();
    const { url } = typeof node === 'number' ? this.#nodes[node]! : node;
    const client = new Client(url, options);
    this.#clients.add(client);
    return client;
  }

  /**
   * Resolves when all is well: every node that runs is connected to Redis, has written all that it has to, and knows every other one.
   *
   * @throws when that takes too long; by default, longer than 10_000 ms.
   */
  async settled(options: WaitOptions = {}): Promise<void> {
    const running = this.#nodes.filter((node) => node.running);
    const isSettled = async (node: TestNode<App>): Promise<boolean> =>
      (await node.snapshot()).every(
        ({ joined, members, connections, outboxSize, pendingSessions }) =>
          joined &&
          members.length === running.length - 1 &&
          connections.every(({ state }) => state === 'ready') &&
          outboxSize + pendingSessions === 0,
      );
    await waitFor(async () => (await Promise.all(running.map(isSettled))).every(Boolean), {
      what: `${running.length} nodes to know each other`,
      deadline: 10_000,
      ...options,
    });
  }

  /** Trims every stream in Redis to its last `length` entries. Default 0: what was not read yet is lost, and no client recovers what it missed. */
  async trim(length = 0): Promise<void> {
    const streams = (await this.redis.command('KEYS', '*')) as string[];
    for (const key of streams) {
      if ((await this.redis.command('TYPE', key)) === 'stream') {
        await this.redis.command('XTRIM', key, 'MAXLEN', String(length));
      }
    }
  }

  /** Disconnects the clients, stops the nodes, and ends Redis if it is the cluster's own. */
  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    this.#clients.clear();
    // a stop waits for what is still to be written
    const [resumed] = await Promise.allSettled([this.redis.resume()]);
    const stopped = [resumed, ...(await Promise.allSettled(this.#nodes.map((node) => node.stop())))];
    if (this.ownsRedis) await this.redis.stop();
    const failed = stopped.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }
}

async function loadClient(): Promise<typeof import('./test-client.js')> {
  try {
    return await import('./test-client.js');
  } catch (error) {
    if (!String(error).includes("'socket.io-client'")) throw error;
    throw new Error(
      "Clients of a TestCluster need the package 'socket.io-client'. Make sure to install it: npm install --save-dev socket.io-client",
      { cause: error },
    );
  }
}
