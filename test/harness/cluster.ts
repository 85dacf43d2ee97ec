import { randomUUID } from 'node:crypto';
import { createClient, type RedisClientType } from 'redis';
import type { NodeFunction } from './node-context.js';
import type { NodeOptions } from './node-options.js';
import { ServerNode } from './server-node.js';
import { BARRIER, TestClient, type ClientOptions } from './test-client.js';
import { roomInEachStream } from './rooms.js';
import { waitFor } from './wait-for.js';

export interface ClusterOptions extends NodeOptions {
  /** How many nodes, or the options in which each differs from the others. Default 2. */
  nodes?: number | NodeOptions[];
  /** The Redis of the cluster. Default: one that the tests of this file share. */
  redisUrl?: string;
}

let common: NodeOptions['adapterOptions'];

/** Gives the options to all nodes of the test file, beside those of their own: what a file tests is tested once more, in another way. */
export function everyNodeHas(adapterOptions: NonNullable<NodeOptions['adapterOptions']>): void {
  common = adapterOptions;
}

let user: NodeOptions['redisOptions'];

/** Has every node of the test file connect to Redis as this user; the tests themselves may do everything. */
export function everyNodeIs(username: string, password: string): void {
  user = { username, password };
}

/** Nodes that share a Redis, and the clients connected to them. */
export class Cluster {
  /** What the names of stream, channels and session keys begin with, so that clusters can share a Redis. */
  readonly prefix = `test-${randomUUID().slice(0, 8)}`;
  /** By index; a node that is started later is at the end. */
  readonly nodes: ServerNode[] = [];
  readonly clients = new Set<TestClient>();
  /** A connection of the test's own. */
  readonly redis: RedisClientType;

  private constructor(
    readonly redisUrl: string,
    private readonly options: NodeOptions,
  ) {
    this.redis = createClient({ url: redisUrl });
    // Fault tests end the server behind it; what fails then is the call that is made.
    this.redis.on('error', () => undefined);
  }

  /** Starts the nodes at the same time and waits until each counts them all. */
  static async start(redisUrl: string, { nodes = 2, ...options }: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(redisUrl, options);
    const each = typeof nodes === 'number' ? Array.from({ length: nodes }, () => ({})) : nodes;
    const started = await Promise.allSettled([cluster.redis.connect(), ...each.map((own) => cluster.addNode(own))]);
    const failed = started.find((result) => result.status === 'rejected');
    try {
      if (failed) {
        throw failed.reason;
      }
      if (options.adapter !== 'memory' && options.waitUntilReady !== false) {
        await cluster.settled();
      }
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  get streamName(): string {
    return `${this.prefix}:stream`;
  }

  get sessionKeyPrefix(): string {
    return `${this.prefix}:session:`;
  }

  node(index: number): ServerNode {
    const node = this.nodes[index];
    if (!node) {
      throw new Error(`There is no node ${index}: the cluster has ${this.nodes.length}.`);
    }
    return node;
  }

  /** Starts one more node, with the options of the cluster and those given. */
  async addNode(own: NodeOptions = {}): Promise<ServerNode> {
    const index = this.nodes.length;
    // Its place is taken at once, so that nodes started together keep their order.
    this.nodes.length += 1;
    const node = await ServerNode.start(`${this.prefix}-node-${index}`, own.redisUrl ?? this.redisUrl, {
      ...this.options,
      ...own,
      redisOptions: { ...user, ...this.options.redisOptions, ...own.redisOptions },
      adapterOptions: {
        streamName: this.streamName,
        channelPrefix: this.prefix,
        sessionKeyPrefix: this.sessionKeyPrefix,
        ...common,
        ...this.options.adapterOptions,
        ...own.adapterOptions,
      },
      serverOptions: { ...this.options.serverOptions, ...own.serverOptions },
    });
    this.nodes[index] = node;
    return node;
  }

  /** Waits until every node that runs counts `count` nodes in the namespace; by default all that run, in `/`. */
  async settled({ namespace = '/', count = this.#running().length } = {}): Promise<void> {
    await Promise.all(
      this.#running().map((node) =>
        node.run(
          (io, ctx, nsp, n) => ctx.waitFor(async () => (await io.of(nsp).adapter.serverCount()) === n),
          namespace,
          count,
        ),
      ),
    );
  }

  /** The node to which the client is connected, or was last. */
  nodeOf(client: TestClient): ServerNode {
    const node = this.nodes.find(({ url }) => url === client.url);
    if (!node) {
      throw new Error(`No node of the cluster listens on ${client.url}, where the client is connected.`);
    }
    return node;
  }

  /** Makes the client join rooms, as a gateway does: on its own node. */
  async join(client: TestClient, ...rooms: string[]): Promise<void> {
    await this.nodeOf(client).run(
      (io, _ctx, nsp, id, names) => io.of(nsp).sockets.get(id)!.join(names),
      client.namespace,
      client.id,
      rooms,
    );
  }

  /** Waits until each client is in the given rooms, sorted by name, and in no others but its own. */
  async inRooms(clients: TestClient[], expected: string[][]): Promise<void> {
    let actual: string[][] = [];
    await waitFor(
      async () => {
        actual = await Promise.all(
          clients.map((client) => this.nodeOf(client).run(roomsOf, client.namespace, client.id)),
        );
        return JSON.stringify(actual) === JSON.stringify(expected);
      },
      { what: () => `the rooms ${JSON.stringify(expected)}; they are ${JSON.stringify(actual)}` },
    );
  }

  /** A client connected to the node. It is disconnected with the cluster, or by `closeClients()`. */
  async connect(to: ServerNode | number | string, options?: ClientOptions): Promise<TestClient> {
    return this.client(to, options).connect();
  }

  /** A client that is not connected yet, to a node or to a further server of one. */
  client(to: ServerNode | number | string, options?: ClientOptions): TestClient {
    const url = typeof to === 'string' ? to : (typeof to === 'number' ? this.node(to) : to).url;
    const client = new TestClient(url, options);
    this.clients.add(client);
    return client;
  }

  /** A client on each node, in the order of the nodes. */
  async connectEach(options?: ClientOptions): Promise<TestClient[]> {
    return Promise.all(this.nodes.map((node) => this.connect(node, options)));
  }

  /**
   * Broadcasts from every node and waits until the clients have it all: what was broadcast before has arrived then, and
   * what has not will not. By default for every connected client.
   */
  async barrier(
    clients: Iterable<TestClient> = [...this.clients].filter(({ socket }) => socket.connected),
  ): Promise<void> {
    const waiting = [...clients];
    const namespaces = [...new Set(waiting.map(({ namespace }) => namespace))];
    const { streamBy, streamCount = 1 } = { ...common, ...this.options.adapterOptions };
    const rooms: Record<string, string[]> = {};
    if (streamBy === 'room') for (const name of namespaces) rooms[name] = roomInEachStream(name, streamCount);
    await Promise.all(
      this.#running().map(async (node) => {
        const id = randomUUID();
        const reached = await node.run(
          async (io, _ctx, event, token, names, rooms) => {
            const present = names.filter((name) => io._nsps.has(name));
            // who has answered has read what came before in the stream of that room
            await Promise.all(
              present.flatMap((name) => (rooms[name] ?? []).map((room) => io.of(name).in(room).fetchSockets())),
            );
            for (const name of present) io.of(name).emit(event, token);
            return present;
          },
          BARRIER,
          id,
          namespaces,
          rooms,
        );
        const due = waiting.filter(({ namespace }) => reached.includes(namespace));
        await waitFor(() => due.every((client) => client.passed(id)), {
          what: () =>
            `a broadcast of ${node.name} to reach ${due.filter((client) => !client.passed(id)).length} clients`,
        });
      }),
    );
  }

  /** Waits until the connection of each client can take a packet, so that a volatile one is not dropped. */
  async writable(clients: Iterable<TestClient>): Promise<void> {
    await Promise.all(
      [...clients].map((client) =>
        this.nodeOf(client).run(
          (io, ctx, nsp, id) => {
            const { conn } = io.of(nsp).sockets.get(id) as unknown as { conn: { transport: { writable: boolean } } };
            return ctx.waitFor(() => conn.transport.writable);
          },
          client.namespace,
          client.id,
        ),
      ),
    );
  }

  /** Waits until Redis holds the session of a client that lost its connection, and resolves with its key. */
  async sessionSaved({ pid }: TestClient): Promise<string> {
    const key = `${this.sessionKeyPrefix}${pid}`;
    await waitFor(() => this.redis.exists(key), { what: `the session ${key} in Redis` });
    return key;
  }

  closeClients(): void {
    for (const client of this.clients) {
      client.close();
    }
    this.clients.clear();
  }

  /** Ends everything at once. @throws if a node had ended on its own. */
  async close(): Promise<void> {
    this.closeClients();
    const nodes = this.nodes.filter(Boolean);
    const crashes = nodes.flatMap((node) => {
      try {
        node.assertNotCrashed();
        return [];
      } catch (error) {
        return [error as Error];
      }
    });
    await Promise.all(nodes.map((node) => node.end()));
    if (this.redis.isOpen) {
      this.redis.destroy();
    }
    if (crashes[0]) {
      throw crashes[0];
    }
  }

  #running(): ServerNode[] {
    return this.nodes.filter((node) => node?.alive);
  }
}

const roomsOf: NodeFunction<[namespace: string, id: string], string[]> = (io, _ctx, namespace, id) =>
  [...io.of(namespace).sockets.get(id)!.rooms].filter((room) => room !== id).toSorted();
