import { afterAll, afterEach, beforeAll, onTestFinished } from 'vitest';
import { findRedis, type FoundRedis, RedisServer, type RedisServerOptions } from '../../src/testing/index.js';
import { Cluster, type ClusterOptions } from './cluster.js';

let shared: Promise<FoundRedis> | undefined;
let find = findRedis;

/** Has every cluster of the test file that names no other use this Redis, which is started with the first of them. */
export function everyRedisIs(start: () => Promise<FoundRedis>): void {
  find = start;
}

// This module is loaded once a test file, so that the hook is one of the file.
afterAll(async () => (await shared)?.stop());

async function redisUrlOf({ redisUrl }: ClusterOptions): Promise<string> {
  if (redisUrl !== undefined) {
    return redisUrl;
  }
  shared ??= find();
  return (await shared).url;
}

/** Starts a cluster within a test; it ends with the test. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = await Cluster.start(await redisUrlOf(options), options);
  onTestFinished(() => cluster.close());
  return cluster;
}

/**
 * A cluster for all tests of a `describe`, where this is called. Clients are disconnected after each test.
 *
 * @returns a function, because there is no cluster yet while tests are collected.
 */
export function useCluster(options: ClusterOptions = {}): () => Cluster {
  let cluster: Cluster | undefined;
  beforeAll(async () => {
    cluster = await Cluster.start(await redisUrlOf(options), options);
  });
  afterEach(() => cluster?.closeClients());
  afterAll(() => cluster?.close());
  return () => {
    if (!cluster) {
      throw new Error('There is a cluster only while tests run: call the function in a test or a hook.');
    }
    return cluster;
  };
}

/** A Redis of the test's own, to kill, pause and restart; it ends with the test. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const server = await RedisServer.start(options);
  onTestFinished(() => server.stop());
  return server;
}
