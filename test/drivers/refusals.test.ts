import { inspect } from 'node:util';
import { Cluster, Redis } from 'ioredis';
import { createClient, createClientPool, createCluster, createSentinel } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAdapter } from '../../src/adapter/create-adapter.js';
import { createEmitter } from '../../src/adapter/emitter/emitter.js';
import { InvalidOptionError } from '../../src/adapter/errors.js';
import { createDriver, type RedisClient } from '../../src/adapter/redis/create-driver.js';
import { noopTelemetry } from '../../src/adapter/telemetry-port.js';
import { RedisServer } from '../../src/testing/index.js';
import { waitFor } from '../harness/index.js';

const settings = { useShardedPubSub: false, channelPrefix: 'test', telemetry: noopTelemetry };
const nowhere = { host: '127.0.0.1', port: 1 };
const sentinels = { name: 'main', sentinelRootNodes: [nowhere] };

function refusal(client: unknown): InvalidOptionError {
  try {
    createAdapter(client as RedisClient);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error).toMatchObject({ option: 'client' });
    return error as InvalidOptionError;
  }
  throw new Error('It was expected to be refused.');
}

describe('a client that cannot do is refused at once', () => {
  it.each([undefined, null, 'redis://localhost', {}, { sendCommand: () => undefined }, new Map()])('%s', (client) => {
    expect(refusal(client).message).toMatch(/^The Redis client must be one that `createClient\(\)`.*, but is /);
  });

  it('without a word of the URL that was given in its place, as that may have a password', () => {
    for (const make of [createAdapter, createEmitter]) {
      expect(() => make('redis://alice:secret@localhost' as unknown as RedisClient)).toThrow(/, but is a string\.$/);
    }
  });

  it.each<[string, RedisClient]>([
    ['redis, createClient()', createClient({ keyPrefix: 'tenant:' })],
    ['redis, createCluster()', createCluster({ rootNodes: [], keyPrefix: 'tenant:' })],
    ['redis, createSentinel()', createSentinel({ ...sentinels, keyPrefix: 'tenant:' })],
    ['redis, createClientPool()', createClientPool({ keyPrefix: 'tenant:' })],
    ['ioredis, Redis', new Redis({ lazyConnect: true, keyPrefix: 'tenant:' })],
    ['ioredis, Cluster', new Cluster([nowhere], { lazyConnect: true, keyPrefix: 'tenant:' })],
    ['ioredis, Cluster', new Cluster([nowhere], { lazyConnect: true, redisOptions: { keyPrefix: 'tenant:' } })],
  ])('one with `keyPrefix`, which channels do not have (%s)', (_family, client) => {
    expect(refusal(client).message).toBe(
      "The Redis client has the option `keyPrefix` ('tenant:'), which Redis' channels know nothing of. Give a client without it, " +
        'and set the option `keyPrefix` of the adapter instead, which they do.',
    );
  });

  it('one that asks Sentinel for a replica', () => {
    const client = new Redis({ lazyConnect: true, name: 'main', sentinels: [nowhere], role: 'slave' });
    expect(refusal(client).message).toMatch(/^The Redis client has the option `role: 'slave'`/);
  });

  it('one that looks its nodes up by SRV records', () => {
    const client = new Cluster([nowhere], { lazyConnect: true, useSRVRecords: true });
    expect(refusal(client).message).toMatch(/^The Redis client has the option `useSRVRecords`/);
  });
});

describe('a server of another kind than the client is for', () => {
  const servers: RedisServer[] = [];
  const start = async (...args: string[]): Promise<RedisServer> => {
    const server = await RedisServer.start({ args });
    servers.push(server);
    return server;
  };
  let replica: RedisServer;
  let clusterNode: RedisServer;
  let master: RedisServer;

  beforeAll(async () => {
    master = await start();
    [replica, clusterNode] = await Promise.all([
      start('--replicaof', master.host, String(master.port)),
      start('--cluster-enabled', 'yes'),
    ]);
  });
  afterAll(() => Promise.all(servers.map((server) => server.stop())));

  const clientsOf = ({ host, port }: RedisServer): Array<[string, RedisClient]> => [
    ['redis', createClient({ socket: { host, port } })],
    ['ioredis', new Redis({ host, port, lazyConnect: true })],
  ];

  async function complaint(client: RedisClient): Promise<string> {
    const connection = createDriver(client, settings).open('writer');
    try {
      await waitFor(() => connection.lastError, { what: 'an error' });
      expect(connection.state).toBe('connecting');
      return connection.lastError!.message;
    } finally {
      connection.close();
    }
  }

  it('is a replica: its master is asked for', async () => {
    for (const [family, client] of clientsOf(replica)) {
      expect([family, await complaint(client)]).toEqual([
        family,
        'What was reached is a read-only replica. Give a client for its master',
      ]);
    }
  });

  it('is a node of a Redis Cluster: a client that knows the others is asked for', async () => {
    for (const [, client] of clientsOf(clusterNode))
      expect(await complaint(client)).toMatch(/is a node of a Redis Cluster/);
  });

  it('is no node of a Redis Cluster', async () => {
    const { host, port } = master;
    const clients = [
      createCluster({ rootNodes: [{ socket: { host, port } }] }),
      new Cluster([{ host, port }], { lazyConnect: true }),
    ];
    for (const client of clients) expect(await complaint(client)).toMatch(/cluster support disabled/);
  });

  it('is a node of a Redis Cluster that has no slots', async () => {
    const { host, port } = clusterNode;
    const client = createCluster({ rootNodes: [{ socket: { host, port } }] });
    expect(await complaint(client)).toMatch(/is in no Redis Cluster that has slots/);
  });

  it('is a master only after a while: it is taken as soon as it is', async () => {
    const [, client] = clientsOf(replica)[0]!;
    const connection = createDriver(client, settings).open('writer');
    try {
      await waitFor(() => connection.lastError);
      await replica.command('REPLICAOF', 'NO', 'ONE');
      await connection.whenReady(AbortSignal.timeout(5_000));
      await replica.command('REPLICAOF', master.host, String(master.port));
      await expect(connection.send(['SET', 'key', 'value'])).rejects.toThrow(/^READONLY/);
      expect(connection.state).toBe('reconnecting');
    } finally {
      connection.close();
    }
  });

  it.each<[string, RedisClient, RegExp]>([
    ['a pool', createClientPool({}), /^The pool of Redis clients is not connected\. Call its `connect\(\)`/],
    ['a Sentinel client', createSentinel(sentinels), /^The Sentinel client is not connected\. Call its `connect\(\)`/],
  ])('is not known, as %s has not been connected', async (_what, client, expected) => {
    expect(await complaint(client)).toMatch(expected);
  });
});

describe('credentials', () => {
  const user = 'alice';
  const password = 's3cr3t';
  let redis: RedisServer;
  let cluster: RedisServer;

  beforeAll(async () => {
    [redis, cluster] = await Promise.all([
      RedisServer.start(),
      RedisServer.start({ args: ['--cluster-enabled', 'yes'] }),
    ]);
  });
  afterAll(() => Promise.all([redis.stop(), cluster.stop()]));

  it('are in no error and no event', async () => {
    const { host, port } = redis;
    const url = `redis://${user}:${password}@${host}:${port}`;
    const clusterUrl = `redis://${user}:${password}@${cluster.host}:${cluster.port}`;
    const clients: RedisClient[] = [
      createClient({ url }),
      createClient({ socket: { host, port }, username: user, password }),
      createCluster({ rootNodes: [{ url: clusterUrl }], defaults: { username: user, password } }),
      // refused by the library with a message that shows the URL
      createCluster({ rootNodes: [{ url: clusterUrl }], defaults: { socket: { tls: true } } }),
      new Redis(url, { lazyConnect: true }),
      new Redis({ host, port, username: user, password, lazyConnect: true }),
      new Cluster([clusterUrl], { lazyConnect: true }),
      new Cluster([{ host: cluster.host, port: cluster.port }], {
        lazyConnect: true,
        redisOptions: { username: user, password },
      }),
    ];
    for (const [index, client] of clients.entries()) {
      const driver = createDriver(client, settings);
      const connection = driver.open('writer');
      const told: unknown[] = [driver.server];
      connection.on('lost', (error) => told.push(error));
      await waitFor(() => connection.lastError, { what: `an error of client ${index}` });
      told.push(connection.lastError, await connection.send(['GET', 'key']).catch((error: unknown) => error));
      connection.close();
      const text = inspect(told, { depth: 20, showHidden: true });
      expect(text).toMatch(/WRONGPASS|mismatch|slot/);
      expect(text).not.toMatch(/alice|s3cr3t/);
    }
  });
});
