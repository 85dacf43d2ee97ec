import { findRedis } from 'nestjs-redis-streams-adapter/testing';
import { createClient } from 'redis';
import { Problem } from './problem.mjs';

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Takes the Redis that REDIS_URL names, or finds one on this machine, or brings one.
 *
 * @throws {Problem} if there is none, or if it does not answer.
 */
export async function bringRedis() {
  const redis = await findRedis().catch((error) => {
    throw new Problem(`There is no Redis for the sample. ${error.message}`, { cause: error });
  });
  try {
    await connectOnce(redis.url);
  } catch (error) {
    await redis.stop();
    throw new Problem(
      `Nothing answers at ${withoutPassword(redis.url)}, ${redis.source} (${error.message || error.code}). ` +
        'Start it, or leave REDIS_URL empty: a server is then brought for the occasion.',
      { cause: error },
    );
  }
  return { ...redis, description: `${redis.source}, at ${withoutPassword(redis.url)}` };
}

async function connectOnce(url) {
  const client = createClient({ url, socket: { connectTimeout: CONNECT_TIMEOUT_MS, reconnectStrategy: false } });
  // The call rejects; without a listener the same error would end the process.
  client.on('error', () => undefined);
  await client.connect();
  client.destroy();
}

function withoutPassword(text) {
  if (!URL.canParse(text)) {
    // what cannot be told apart may hold one
    return 'an address that is no URL';
  }
  const url = new URL(text);
  if (url.password) {
    url.password = '***';
  }
  return url.href;
}
