import { afterAll, beforeAll, describe } from 'vitest';
import { RedisServer } from '../../src/testing/index.js';
import { conformance } from './conformance.js';
import { endToEnd } from './end-to-end.js';
import { clientFamilies } from './support/families.js';

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
});

afterAll(() => redis.stop());

describe('one server', () => {
  for (const family of clientFamilies(() => ({ host: redis.host, port: redis.port }))) {
    conformance({ family, servers: () => [redis] });
    endToEnd({ family, servers: () => [redis] });
  }
});
