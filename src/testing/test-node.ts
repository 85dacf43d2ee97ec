import type { INestApplication } from '@nestjs/common';
import type { NodeSnapshot } from '../adapter/index.js';
import { RedisProxy } from './redis-proxy.js';

/** What a node is told when its application is made. */
export interface NodeSetup {
  /** Redis, by a way of the node's own. While the application is made, it is in the environment variable `REDIS_URL`, too. */
  redisUrl: string;
  /** Which node of the cluster it is, from 0. */
  index: number;
}

/** Makes an application, with its Socket.IO adapter, but does not let it listen. */
export type CreateApp<App extends INestApplication> = (setup: NodeSetup) => Promise<App>;

/** One node of a {@link TestCluster}: an application, and its way to Redis. */
export class TestNode<App extends INestApplication = INestApplication> {
  #app: App | undefined;
  #url = '';

  private constructor(
    /** Which node of the cluster it is, from 0. */
    readonly index: number,
    private readonly createApp: CreateApp<App>,
    private readonly proxy: RedisProxy,
    private readonly instance: string | undefined,
  ) {}

  /** @internal */
  static async start<App extends INestApplication>(
    index: number,
    redisPort: number,
    createApp: CreateApp<App>,
    instance: string | undefined,
  ): Promise<TestNode<App>> {
    const node = new TestNode(index, createApp, await RedisProxy.start(redisPort), instance);
    try {
      await node.#start();
      return node;
    } catch (error) {
      await node.stop();
      throw error;
    }
  }

  /** The application. */
  get app(): App {
    if (this.#app === undefined) throw new Error(`Node ${this.index} was stopped, and has no application.`);
    return this.#app;
  }

  /** Where the application listens, without a path: `http://127.0.0.1:…`. */
  get url(): string {
    return this.#url;
  }

  /** Whether its application runs. */
  get running(): boolean {
    return this.#app !== undefined;
  }

  /** Cuts the node off from Redis, until {@link restore}: every connection breaks, and so does each new one. */
  cut(): void {
    this.proxy.cut();
  }

  /** Stalls the node's way to Redis, until {@link restore}: connections stay, and nothing comes through in either direction. */
  stall(): void {
    this.proxy.stall();
  }

  /** Ends what {@link cut} or {@link stall} began. The node connects again by itself: `TestCluster.settled()` tells when it has. */
  restore(): void {
    this.proxy.restore();
  }

  /** Stops the application as a deployment does, and starts it anew, on another port. */
  async restart(): Promise<void> {
    await this.#close();
    await this.#start();
  }

  /** Stops the application as a deployment does: `app.close()`. */
  async stop(): Promise<void> {
    try {
      await this.#close();
    } finally {
      this.proxy.stop();
    }
  }

  /** @internal The state of the node's Socket.IO servers. */
  async snapshot(): Promise<NodeSnapshot[]> {
    // Where nothing but a RedisServer is wanted, Nest is not loaded.
    const { getRedisStreamsToken } = await import('../index.js');
    return this.app.get(getRedisStreamsToken(this.instance), { strict: false }).snapshot();
  }

  async #start(): Promise<void> {
    const { url: redisUrl } = this.proxy;
    this.#app = await withRedisUrl(redisUrl, () => this.createApp({ redisUrl, index: this.index }));
    await this.#app.listen(0, '127.0.0.1');
    this.#url = await this.#app.getUrl();
    if ((await this.snapshot()).length === 0) {
      throw new Error(
        'The application has no Socket.IO server on the adapter. Make sure that `createApp` calls ' +
          'app.useWebSocketAdapter(new RedisStreamsIoAdapter(app)), and that the application has a gateway.',
      );
    }
  }

  async #close(): Promise<void> {
    const app = this.#app;
    this.#app = undefined;
    // a stop waits for what is still to be written
    this.proxy.restore();
    await app?.close();
  }
}

let last: Promise<unknown> = Promise.resolve();

/** Runs `create` with the URL in the environment: one after the other, as there is one environment for all nodes. */
function withRedisUrl<T>(url: string, create: () => Promise<T>): Promise<T> {
  const created = last.then(async () => {
    const before = process.env['REDIS_URL'];
    process.env['REDIS_URL'] = url;
    try {
      return await create();
    } finally {
      if (before === undefined) delete process.env['REDIS_URL'];
      else process.env['REDIS_URL'] = before;
    }
  });
  last = created.catch(() => undefined);
  return created;
}
