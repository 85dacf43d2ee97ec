import { createClientPool } from 'redis';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { createDriver } from '../../src/adapter/redis/create-driver.js';
import type { RedisConnection } from '../../src/adapter/redis/driver.js';
import { noopTelemetry, type ConnectionRole } from '../../src/adapter/telemetry-port.js';
import { RedisServer } from '../../src/testing/index.js';
import { waitFor } from '../harness/index.js';

const settings = { useShardedPubSub: false, channelPrefix: 'test', telemetry: noopTelemetry };
const roles: ConnectionRole[] = ['writer', 'reader', 'subscriber'];

let redis: RedisServer;

beforeAll(async () => {
  redis = await RedisServer.start();
});

afterAll(() => redis.stop());

const newPool = ({ host, port }: RedisServer) =>
  createClientPool({ socket: { host, port } }, { minimum: 1, maximum: 1, acquireTimeout: 200 });

type Pool = ReturnType<typeof newPool>;

/** A pool of one client, which is given out again once whoever has it is done. */
async function poolOfOne(): Promise<Pool> {
  const pool = newPool(redis);
  await pool.connect();
  onTestFinished(() => pool.destroy());
  return pool;
}

function openAll(pool: Pool): RedisConnection[] {
  const driver = createDriver(pool, settings);
  const connections = roles.map((role) => driver.open(role));
  onTestFinished(() => connections.forEach((connection) => connection.close()));
  return connections;
}

it('a pool is asked for a client once in all, however many connections there are', async () => {
  const pool = await poolOfOne();
  const asked = vi.spyOn(pool, 'execute');
  const connections = openAll(pool);
  await Promise.all(connections.map((connection) => connection.whenReady()));
  connections[0]!.interrupt();
  await connections[0]!.whenReady();
  expect(asked).toHaveBeenCalledTimes(1);
});

it('a pool that has no client to spare is asked again', async () => {
  const pool = await poolOfOne();
  let giveBack: (() => void) | undefined;
  const inUse = pool.execute(() => new Promise<void>((resolve) => (giveBack = resolve)));
  const connections = openAll(pool);
  await waitFor(() => connections.every(({ lastError }) => lastError !== undefined), { what: 'an error of each' });
  giveBack!();
  await inUse;
  await Promise.all(connections.map((connection) => connection.whenReady()));
});
