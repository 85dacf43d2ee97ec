export { findRedis, type FoundRedis } from './find-redis.js';
export { RedisClusterServer, type RedisClusterServerOptions } from './redis-cluster-server.js';
export { RedisSentinelServer, type RedisSentinelServerOptions } from './redis-sentinel-server.js';
export { RedisServer, type RedisServerOptions, type RestartOptions } from './redis-server.js';
export { RedisTlsServer } from './redis-tls-server.js';
export type { ClientOptions, ReceivedEvent, TestClient } from './test-client.js';
export { TestCluster, type TestClusterOptions } from './test-cluster.js';
export type { CreateApp, NodeSetup, TestNode } from './test-node.js';
export { waitFor, type WaitOptions } from './wait-for.js';
