import { RedisServer } from './redis-server.js';

/** A Redis that was found or started. */
export interface FoundRedis {
  /** For example `redis://127.0.0.1:12345`. */
  url: string;
  /** Which one was taken, as a sentence. */
  source: string;
  /** Ends the server, if it was started here. */
  stop(): Promise<void>;
}

/** Some Redis, for where nothing but a working one is needed: the one that `REDIS_URL` names, otherwise a server started for the occasion. */
export async function findRedis(): Promise<FoundRedis> {
  const url = process.env.REDIS_URL;
  if (url) {
    return { url, source: 'the server that REDIS_URL names', stop: () => Promise.resolve() };
  }
  const server = await RedisServer.start();
  return { url: server.url, source: server.source, stop: () => server.stop() };
}
