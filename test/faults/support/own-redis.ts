import { afterAll, afterEach, beforeAll } from 'vitest';
import { RedisServer, type RedisServerOptions } from '../../../src/testing/index.js';
import { Cluster, type ClusterOptions } from '../../harness/cluster.js';
import type { NodeFunction } from '../../harness/node-context.js';

export interface OwnRedisOptions extends Omit<ClusterOptions, 'redisUrl'> {
  redis?: RedisServerOptions;
}

export interface OwnRedis {
  readonly redis: RedisServer;
  readonly cluster: Cluster;
}

/**
 * A Redis to be hurt, and a cluster on it, for all tests of a `describe`. What the nodes tell of themselves is kept, see
 * {@link keepEvents}. Clients are disconnected after each test.
 */
export function useOwnRedis({ redis: redisOptions, ...options }: OwnRedisOptions = {}): () => OwnRedis {
  let redis: RedisServer | undefined;
  let cluster: Cluster | undefined;
  beforeAll(async () => {
    redis = await RedisServer.start(redisOptions);
    cluster = await Cluster.start(redis.url, { setup: keepEvents, ...options });
  });
  afterEach(() => cluster?.closeClients());
  afterAll(async () => {
    try {
      await cluster?.close();
    } finally {
      await redis?.stop();
    }
  });
  return () => ({ redis: redis!, cluster: cluster! });
}

/** The `setup` of nodes whose events are asked for with `node.recorded(name)`. */
export const keepEvents: NodeFunction<[], void> = (_io, ctx) => {
  const { events } = ctx.adapterFactory as unknown as { events: NodeJS.EventEmitter };
  for (const name of [
    'gap',
    'streamReset',
    'outboxOverflow',
    'retentionTooShort',
    'messageDropped',
    'sessionNotSaved',
    'connectionLost',
    'connectionReady',
    'nodeJoined',
    'nodeLeft',
    'nodeMismatch',
    'commandRefused',
  ]) {
    events.on(name, ctx.record(name));
  }
};
