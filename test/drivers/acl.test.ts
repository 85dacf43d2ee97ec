import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { createClient, createCluster } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RedisStreamsAdapterOptions } from '../../src/adapter/options.js';
import type { RedisClient } from '../../src/adapter/redis/create-driver.js';
import { RedisClusterServer, RedisServer } from '../../src/testing/index.js';
import { waitFor } from '../harness/index.js';
import { exists } from './end-to-end.js';
import { denials, documentedRules, makeUser, PASSWORD } from './support/acl.js';
import { startNodes, type Node } from './support/nodes.js';
import { everyOperation, recovery } from './support/operations.js';

let redis: RedisServer;
let cluster: RedisClusterServer;
const { base, with: also } = await documentedRules();

beforeAll(async () => {
  [redis, cluster] = await Promise.all([
    RedisServer.start({ args: ['--acllog-max-len', '1000'] }),
    RedisClusterServer.start({ nodeTimeout: 5_000, args: ['--acllog-max-len', '1000'] }),
  ]);
});

afterAll(() => Promise.all([redis.stop(), cluster.stop()]));

interface Situation {
  name: string;
  servers: () => readonly RedisServer[];
  client: (username: string) => RedisClient;
  options?: RedisStreamsAdapterOptions;
  rules: readonly string[];
  /** Those of the rules that no other situation needs. */
  own: readonly string[];
}

const oneServer = () => [redis];
const nodeRedis = (username: string): RedisClient => createClient({ url: redis.url, username, password: PASSWORD });
const clusterClient = (username: string): RedisClient => {
  const rootNodes = cluster.nodes.map(({ url }) => ({ url }));
  return createCluster({ rootNodes, defaults: { username, password: PASSWORD } });
};
const without = (rules: readonly string[], ...gone: string[]): string[] => rules.filter((rule) => !gone.includes(rule));
const sharded = [...without(base, '+publish', '+subscribe'), ...also('`useShardedPubSub`')];

const SITUATIONS: Situation[] = [
  { name: 'a client of redis', servers: oneServer, client: nodeRedis, rules: base, own: base },
  {
    name: 'a client of ioredis',
    servers: oneServer,
    client: (username) => new Redis({ port: redis.port, username, password: PASSWORD, lazyConnect: true }),
    rules: base,
    own: [],
  },
  {
    name: '`useShardedPubSub`',
    servers: oneServer,
    client: nodeRedis,
    options: { useShardedPubSub: true },
    rules: sharded,
    own: also('`useShardedPubSub`'),
  },
  {
    name: "`ephemeral: 'stream'`",
    servers: oneServer,
    client: nodeRedis,
    options: { ephemeral: 'stream' },
    rules: [...base, ...also("`ephemeral: 'stream'`")],
    own: [],
  },
  {
    name: '`interop`',
    servers: oneServer,
    client: nodeRedis,
    options: { interop: true },
    rules: [...base, ...also('`interop`')],
    own: also('`interop`'),
  },
  {
    name: '`interop` and `useShardedPubSub`',
    servers: oneServer,
    client: nodeRedis,
    options: { interop: true, useShardedPubSub: true },
    rules: [...sharded, ...also('`interop`, and `useShardedPubSub`')],
    own: also('`interop`, and `useShardedPubSub`'),
  },
  {
    name: 'a Redis Cluster',
    servers: () => cluster.nodes,
    client: clusterClient,
    rules: [...base, ...also('a Redis Cluster')],
    own: also('a Redis Cluster'),
  },
  {
    name: 'a Redis Cluster, and `useShardedPubSub`',
    servers: () => cluster.nodes,
    client: clusterClient,
    options: { useShardedPubSub: true },
    rules: [...sharded, ...also('a Redis Cluster, and')],
    // a subscription most often ends with its slot
    own: [],
  },
  {
    name: 'a client that has a name',
    servers: oneServer,
    client: (username) => createClient({ url: redis.url, username, password: PASSWORD, name: 'named' }),
    rules: [...base, ...also('a client that has a name')],
    own: also('a client that has a name'),
  },
  {
    name: 'a database other than 0',
    servers: oneServer,
    client: (username) => createClient({ url: redis.url, username, password: PASSWORD, database: 1 }),
    rules: [...base, ...also('a database other than 0')],
    own: also('a database other than 0'),
  },
];

/** Does everything with a user of these rules. */
async function run(situation: Situation, user: string, rules: readonly string[]): Promise<void> {
  await makeUser(situation.servers(), user, rules);
  const adapterOptions: RedisStreamsAdapterOptions = {
    streamName: `socket.io:${user}`,
    channelPrefix: `socket.io:${user}`,
    sessionKeyPrefix: `sio:session:${user}:`,
    recentMaxBytes: 1,
    // a slot that is moved is followed soon
    blockTimeInMs: 200,
    // who lacks a rule is not waited for
    shutdownTimeout: 200,
    ...situation.options,
  };
  const [near, far] = (await startNodes({ client: () => situation.client(user), adapterOptions, recovery: true })) as [
    Node,
    Node,
  ];
  if (situation.name.startsWith('a Redis Cluster')) await moveStream(adapterOptions.streamName!, near, far);
  await everyOperation(near, far);
  const database = situation.name.startsWith('a database') ? 1 : 0;
  await recovery(near, far, (pid) => exists(situation.servers(), adapterOptions.sessionKeyPrefix! + pid, database));
  // what is subscribed to is given up with a namespace
  await near.io.of('/extra').adapter.close();
  await Promise.all([near.close(), far.close()]);
}

async function moveStream(stream: string, near: Node, far: Node): Promise<void> {
  const client = await far.connect();
  const from = await cluster.masterOf(stream);
  await cluster.move(
    stream,
    cluster.nodes.find((node) => node !== from)!,
    async () => {
      near.io.emit('while it is moved');
      await client.next('while it is moved', 1, { deadline: 10_000 });
    },
  );
  // whoever acts next waits for the answers of all clients
  far.io.in(client.id).disconnectSockets(true);
  await client.disconnected();
}

function newUser(): string {
  return randomUUID().slice(0, 8);
}

describe('a user with the rules of the documentation', () => {
  it.each(SITUATIONS)('is denied nothing: $name', async (situation) => {
    const user = newUser();
    await run(situation, user, situation.rules);
    expect(await denials(situation.servers(), user)).toEqual([]);
  });

  it.each(SITUATIONS.flatMap((situation) => situation.own.map((rule) => ({ ...situation, rule }))))(
    'needs $rule: $name',
    async ({ rule, ...situation }) => {
      const user = newUser();
      // what fails, and how, is not the point here, unless nothing is denied
      let outcome = 'Everything went on as if it had been allowed, or goes on.';
      void run(situation, user, without(situation.rules, rule)).catch((error: Error) => (outcome = error.stack!));
      const denied = await waitFor(
        async () => {
          const all = await denials(situation.servers(), user);
          return all.length > 0 && all;
        },
        {
          deadline: 50_000,
          interval: 100,
          what: () => `something to be denied to a user without ${rule}. ${outcome}`,
        },
      );
      const [, name] = /^[+~&](\w+)/.exec(rule)!;
      if (rule.startsWith('+')) expect(denied.join('\n').toLowerCase()).toContain(`command ${name!.toLowerCase()}`);
      else expect(denied[0]).toMatch(rule.startsWith('&') ? /^channel / : /^key /);
    },
  );
});
