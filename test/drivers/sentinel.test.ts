import { afterAll, beforeAll, describe } from 'vitest';
import { RedisSentinelServer } from '../../src/testing/index.js';
import { conformance } from './conformance.js';
import { endToEnd } from './end-to-end.js';
import { sentinelFamilies } from './support/families.js';

let redis: RedisSentinelServer;

beforeAll(async () => {
  redis = await RedisSentinelServer.start({ downAfter: 30_000 });
});

afterAll(() => redis.stop());

describe('a master that Sentinels watch over', () => {
  for (const family of sentinelFamilies('main', () => redis.sentinels)) {
    conformance({ family, servers: () => redis.nodes });
    endToEnd({ family, servers: () => redis.nodes });
  }
});
