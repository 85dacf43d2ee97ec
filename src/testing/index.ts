export { findRedis, type FoundRedis } from './find-redis.js';
export { RedisServer, type RedisServerOptions, type RestartOptions } from './redis-server.js';
