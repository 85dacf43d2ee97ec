export { RedisStreamsModule } from './redis-streams.module.js';
export { RedisStreamsIoAdapter, type RedisStreamsIoAdapterOptions } from './redis-streams-io.adapter.js';
export { RedisStreams } from './redis-streams.js';
export { RedisStreamsCluster } from './redis-streams-cluster.js';
export { RedisStreamsEmitter } from './redis-streams-emitter.js';
export { getRedisStreamsToken, InjectRedisStreams } from './redis-streams.tokens.js';
export type {
  RedisStreamsModuleAsyncOptions,
  RedisStreamsModuleExtras,
  RedisStreamsModuleOptions,
  RedisStreamsOptionsFactory,
  SocketServerAddress,
} from './module-options.js';
export type { GatewayOptions, ServerOptions } from './socket-io.types.js';
