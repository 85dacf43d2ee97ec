export { findRedis, type FoundRedis } from './find-redis.js';
export { RedisServer, type RedisServerOptions, type RestartOptions } from './redis-server.js';
export type { ClientOptions, ReceivedEvent, TestClient } from './test-client.js';
export { TestCluster, type TestClusterOptions } from './test-cluster.js';
export type { CreateApp, NodeSetup, TestNode } from './test-node.js';
export { waitFor, type WaitOptions } from './wait-for.js';
