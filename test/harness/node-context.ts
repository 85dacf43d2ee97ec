import type { RedisClientType } from 'redis';
import type { Server, ServerOptions } from 'socket.io';
import type { RedisStreamsAdapterOptions } from '../../src/adapter/options.js';
import type { ResolvedNodeOptions } from './node-options.js';

/** The function that socket.io calls with `new` for each namespace. */
export type AdapterFactory = NonNullable<ServerOptions['adapter']>;

/** What a function that runs in a node gets besides its server. */
export interface NodeContext {
  readonly io: Server;
  readonly url: string;
  readonly options: ResolvedNodeOptions;
  /** The class, to make a server of one's own. */
  readonly Server: typeof Server;
  readonly createAdapter: (client: unknown, options?: RedisStreamsAdapterOptions) => AdapterFactory;
  /** What `createAdapter` returned for the server of this node. */
  readonly adapterFactory: AdapterFactory;
  /** The client that was given to `createAdapter`. */
  readonly redis: RedisClientType;
  /** For keeping things in between two calls. */
  readonly state: Record<string, unknown>;
  /** A further server in this process, by default with an adapter of its own, and the URL that it listens on. */
  createServer(options?: Partial<ServerOptions>, factory?: AdapterFactory): Promise<{ io: Server; url: string }>;
  /** A connection to Redis like the one of the adapter. */
  createRedisClient(): Promise<RedisClientType>;
  /** The rows of CLIENT LIST. The connections of this node, duplicates included, have its name (`options.name`) as `name`. */
  connections(): Promise<Record<string, string>[]>;
  /** What the source text of a function or another expression stands for. */
  evaluate(source: string): unknown;
  /** A listener that keeps what it is called with, for `recorded()` and `node.recorded()`; functions among the arguments are left out. */
  record(name: string): (...args: unknown[]) => void;
  recorded(name: string): unknown[][];
  /** Looks every 2 ms until the probe answers something truthy; rejects after the deadline, by default 20_000 ms. */
  waitFor<T>(probe: () => T | Promise<T>, deadline?: number): Promise<T>;
}

/** A function whose source text runs in the node: it sees nothing of the test but its arguments, which must be cloneable. */
export type NodeFunction<Args extends unknown[], Result> = (io: Server, ctx: NodeContext, ...args: Args) => Result;
