/**
 * The adapters that are compared, as their users install them. Each is given the URL of Redis, and tells how a Server gets it and how to
 * wait until the Server is in the cluster.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { telemetryOf } from './telemetry-setup.mjs';

const connected = async (client) => {
  client.on('error', () => undefined);
  await client.connect();
  return client;
};

/** The peers do not say when they are ready; subscribing and the first read take far less than this. */
const SETTLING = 500;

export const ADAPTERS = {
  'nestjs-redis-streams-adapter': async (url, { telemetryName, ...options }) => {
    const { createAdapter } = await import('nestjs-redis-streams-adapter/adapter');
    const { createClient } = await import('redis');
    const telemetry = await telemetryOf(telemetryName);
    const adapter = createAdapter(createClient({ url }), { ...options, ...(telemetry && { telemetry }) });
    // as a gateway's handler runs
    const handle = telemetry && ((run) => telemetry.handle('/', 'bench', run));
    return { adapter, ready: (io) => adapter.ready(io), handle };
  },
  'streams-adapter, redis 6': async (url, { maxLen }) => {
    const { createAdapter } = await import('@socket.io/redis-streams-adapter');
    const { createClient } = await import('redis');
    return peer(createAdapter(await connected(createClient({ url })), { maxLen: maxLen }));
  },
  'streams-adapter, redis 5': async (url, { maxLen }) => {
    const { createAdapter } = await import('@socket.io/redis-streams-adapter');
    const { createClient } = await import('redis5');
    return peer(createAdapter(await connected(createClient({ url })), { maxLen: maxLen }));
  },
  'streams-adapter, ioredis': async (url, { maxLen }) => {
    const { createAdapter } = await import('@socket.io/redis-streams-adapter');
    const { Redis } = await import('ioredis');
    return peer(createAdapter(new Redis(url), { maxLen: maxLen }));
  },
  'redis-adapter (PUB/SUB)': async (url) => {
    const { createAdapter } = await import('@socket.io/redis-adapter');
    const { createClient } = await import('redis');
    const publisher = await connected(createClient({ url }));
    return peer(createAdapter(publisher, await connected(publisher.duplicate())));
  },
  'redis-adapter (sharded)': async (url) => {
    const { createShardedAdapter } = await import('@socket.io/redis-adapter');
    const { createClient } = await import('redis');
    const publisher = await connected(createClient({ url }));
    return peer(createShardedAdapter(publisher, await connected(publisher.duplicate())));
  },
};

export const OURS = 'nestjs-redis-streams-adapter';
export const BASELINE = 'streams-adapter, redis 6';

function peer(adapter) {
  return { adapter, ready: () => delay(SETTLING) };
}
