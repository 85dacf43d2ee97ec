import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { createDriver } from '../../src/adapter/redis/create-driver.js';
import type { RedisConnection } from '../../src/adapter/redis/driver.js';
import { noopTelemetry, type ConnectionRole } from '../../src/adapter/telemetry-port.js';
import { RedisProxy } from '../../src/testing/redis-proxy.js';
import { RedisServer } from '../../src/testing/redis-server.js';

/** A connection as the adapter opens it, ready for commands. The caller closes it. */
export async function openConnection(url: string, role: ConnectionRole = 'writer'): Promise<RedisConnection> {
  const settings = { useShardedPubSub: false, channelPrefix: 'test', telemetry: noopTelemetry };
  const connection = createDriver(createClient({ url }), settings).open(role);
  await connection.whenReady();
  return connection;
}

/** A Redis for the tests of a file, and a way to it that a test may cut: for the next one it is whole again. */
export function useProxiedRedis(): { readonly redis: RedisServer; readonly proxy: RedisProxy } {
  let redis: RedisServer;
  let proxy: RedisProxy;
  beforeAll(async () => {
    redis = await RedisServer.start();
    proxy = await RedisProxy.start(redis.port);
  });
  afterEach(() => proxy.restore());
  afterAll(async () => {
    proxy.stop();
    await redis.stop();
  });
  return {
    get redis() {
      return redis;
    },
    get proxy() {
      return proxy;
    },
  };
}
