import type { ServerOptions } from 'socket.io';
import type { RedisStreamsAdapterOptions } from '../../src/adapter/options.js';
import type { NodeFunction } from './node-context.js';

/** `memory` is Socket.IO without an adapter for clusters: the reference for what a client should get. */
export type AdapterName = 'ours' | 'peer' | 'memory';

export interface NodeOptions {
  /** Default `ours`. */
  adapter?: AdapterName;
  /** The way to Redis of this node alone. Default: that of the cluster. */
  redisUrl?: string;
  /** The client library whose client the adapter is given. Default `redis` (node-redis). */
  redisClient?: 'redis' | 'ioredis';
  /** Further options of that client. */
  redisOptions?: Record<string, unknown>;
  /** Connect a node-redis client before the adapter gets it. Default `true`. */
  connectRedis?: boolean;
  /** Stream, channels and session keys are named after the cluster unless they are given here. */
  adapterOptions?: RedisStreamsAdapterOptions;
  /** Options of the Server that can be sent to another process, such as `connectionStateRecovery: {}`. */
  serverOptions?: Partial<ServerOptions>;
  /** URL of a module whose default export is a parser, see `msgpackParser`. */
  parser?: string;
  /** Runs in the node once the Server was made, before the node is ready and listens: namespaces, middleware, listeners. */
  setup?: NodeFunction<[], unknown>;
  /** Make the Server without the adapter and call `io.adapter(factory)` afterwards. Default `false`. */
  lateAdapter?: boolean;
  /** Listen only once the adapter takes part in the cluster. Default `true`. */
  waitUntilReady?: boolean;
  /** Port on 127.0.0.1. Default: a free one. */
  port?: number;
  env?: Record<string, string>;
  /** The process may end on its own. Default `false`: that fails the test. */
  mayExit?: boolean;
}

/** With every default filled in, and `setup` as source text: what is sent to the process. */
export interface ResolvedNodeOptions extends Required<
  Omit<NodeOptions, 'redisUrl' | 'setup' | 'parser' | 'env' | 'mayExit'>
> {
  /** Name of the node, and of its connections in Redis' CLIENT LIST. */
  name: string;
  redisUrl: string;
  parser: string | undefined;
  setup: string | undefined;
}

export function resolveNodeOptions(name: string, redisUrl: string, options: NodeOptions): ResolvedNodeOptions {
  return {
    name,
    redisUrl,
    adapter: options.adapter ?? 'ours',
    redisClient: options.redisClient ?? 'redis',
    redisOptions: options.redisOptions ?? {},
    connectRedis: options.connectRedis ?? true,
    adapterOptions: options.adapterOptions ?? {},
    serverOptions: options.serverOptions ?? {},
    parser: options.parser,
    setup: options.setup?.toString(),
    lateAdapter: options.lateAdapter ?? false,
    waitUntilReady: options.waitUntilReady ?? true,
    port: options.port ?? 0,
  };
}
