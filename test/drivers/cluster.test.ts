import { afterAll, beforeAll, describe } from 'vitest';
import { RedisClusterServer } from '../../src/testing/index.js';
import { conformance } from './conformance.js';
import { endToEnd } from './end-to-end.js';
import { clusterFamilies } from './support/families.js';

let redis: RedisClusterServer;

beforeAll(async () => {
  redis = await RedisClusterServer.start();
});

afterAll(() => redis.stop());

describe('a Redis Cluster', () => {
  for (const family of clusterFamilies(() => redis.nodes)) {
    conformance({ family, servers: () => redis.nodes });
    endToEnd({ family, servers: () => redis.nodes });
  }
});
