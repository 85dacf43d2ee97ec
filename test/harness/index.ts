export { Cluster, everyNodeHas, everyNodeIs, type ClusterOptions } from './cluster.js';
export type { NodeContext, NodeFunction } from './node-context.js';
export type { AdapterName, NodeOptions } from './node-options.js';
export { ServerNode, type Exit } from './server-node.js';
export { TestClient, type ClientOptions, type ReceivedEvent } from './test-client.js';
export { everyRedisIs, startCluster, startRedis, useCluster } from './use.js';
export { waitFor, withLittlePatience, type WaitOptions } from './wait-for.js';

/** The value of `NodeOptions.parser` for a parser other than that of Socket.IO. */
export const msgpackParser = new URL('./msgpack-parser.mjs', import.meta.url).href;
