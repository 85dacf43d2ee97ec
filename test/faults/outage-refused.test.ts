import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { freePort } from '../../src/testing/free-port.js';
import type { RedisServer } from '../../src/testing/index.js';
import { startCluster, startRedis, waitFor } from '../harness/index.js';
import { commandStats } from './support/command-stats.js';
import { connected, piledUp } from './support/node-state.js';
import { cutConnections } from './support/outages.js';
import { keepEvents, useOwnRedis } from './support/own-redis.js';
import { Traffic, UNHARMED } from './support/traffic.js';

interface Refusal {
  name: string;
  begin(redis: RedisServer): Promise<unknown>;
  end(redis: RedisServer): Promise<unknown>;
  attempt: Attempt;
  /** What each node tells of it: an event, and what is in it. */
  told: { event: 'commandRefused' | 'connectionLost'; with: object };
}

/** The command that counts the attempts, of which each is made of one, and how many connections of a node make them. */
interface Attempt {
  command: 'xadd' | 'xread' | 'hello';
  connections: number;
}

const WRITES: Attempt = { command: 'xadd', connections: 1 };
const READS: Attempt = { command: 'xread', connections: 1 };
/** All look for the master. */
const CONNECTS: Attempt = { command: 'hello', connections: 3 };

const refused = (command: string, reason: RegExp): Refusal['told'] => ({
  event: 'commandRefused',
  with: { command, reason: expect.stringMatching(reason) as string, count: 1 },
});

const REFUSALS: Refusal[] = [
  {
    name: 'writing is forbidden (ACL)',
    begin: (redis) => redis.command('ACL', 'SETUSER', 'default', '-xadd'),
    end: (redis) => redis.command('ACL', 'SETUSER', 'default', '+xadd'),
    attempt: WRITES,
    told: refused('XADD', /^NOPERM this user has no permissions to run the 'xadd' command/),
  },
  {
    name: 'reading is forbidden (ACL)',
    begin: (redis) => redis.command('ACL', 'SETUSER', 'default', '-xread'),
    end: (redis) => redis.command('ACL', 'SETUSER', 'default', '+xread'),
    attempt: READS,
    told: refused('XREAD', /^NOPERM this user has no permissions to run the 'xread' command/),
  },
  {
    name: 'the memory is used up (OOM)',
    begin: (redis) => redis.command('CONFIG', 'SET', 'maxmemory', '1'),
    end: (redis) => redis.command('CONFIG', 'SET', 'maxmemory', '0'),
    attempt: WRITES,
    told: refused('XADD', /^OOM command not allowed when used memory > 'maxmemory'/),
  },
  {
    name: 'Redis has become a replica (READONLY)',
    begin: async (redis) => redis.command('REPLICAOF', '127.0.0.1', String(await freePort())),
    end: (redis) => redis.command('REPLICAOF', 'NO', 'ONE'),
    attempt: CONNECTS,
    // by the connection that writes, or by the one that waited in a read: whichever is the first takes the other along
    told: {
      event: 'connectionLost',
      with: {
        error: expect.objectContaining({
          message: expect.stringMatching(/^(?:READONLY|UNBLOCKED) /) as string,
        }) as Error,
      },
    },
  },
];

// With connection state recovery, local clients depend on Redis, too.
describe.each([
  ['on', { connectionStateRecovery: {} }],
  ['off', {}],
])('Redis refuses (recovery %s)', (_recovery, serverOptions) => {
  const own = useOwnRedis({ serverOptions });

  for (const { name, begin, end, attempt, told } of REFUSALS) {
    it(`${name}: it is told, and tried again, ever more slowly, and nothing is lost`, async () => {
      const { redis, cluster } = own();
      const clients = await cluster.connectEach();
      const traffic = await Traffic.start(cluster, clients, { every: 10 });
      await traffic.flows(50);
      await begin(redis);
      await triedSlowly(redis, attempt).finally(() => end(redis));
      await traffic.flows(50);

      expect(await traffic.end()).toEqual([UNHARMED, UNHARMED]);
      for (const node of cluster.nodes) {
        expect(await node.recorded(told.event)).toContainEqual([expect.objectContaining(told.with)]);
      }
    });
  }

  it('writing is forbidden and allowed again in quick turns: nothing is lost, and the order is kept', async () => {
    const { redis, cluster } = own();
    const clients = await cluster.connectEach();
    // large enough for a batch to reach Redis in pieces, between which the permission changes
    const traffic = await Traffic.start(cluster, clients, { size: 4_000 });
    await traffic.flows(50);
    try {
      for (let turn = 0; turn < 100; turn++) {
        await cluster.redis.sendCommand(['ACL', 'SETUSER', 'default', '-xadd']);
        await cluster.redis.sendCommand(['ACL', 'SETUSER', 'default', '+xadd']);
        await setImmediate();
      }
    } finally {
      await redis.command('ACL', 'SETUSER', 'default', '+xadd');
    }
    await traffic.flows(50);

    expect(await traffic.end()).toEqual([UNHARMED, UNHARMED]);
  });

  it('everything is forbidden, and the connections are cut: they come back', async () => {
    const { redis, cluster } = own();
    const clients = await cluster.connectEach();
    const traffic = await Traffic.start(cluster, clients, { every: 10 });
    await traffic.flows(50);
    await redis.command('ACL', 'SETUSER', 'default', '-@all', '+acl', '+client|kill');
    await cutConnections(redis);
    await piledUp(cluster.nodes, 200).finally(() => redis.command('ACL', 'SETUSER', 'default', '+@all'));
    await traffic.flows(50);

    expect(await traffic.end()).toEqual([UNHARMED, UNHARMED]);
    await connected(cluster.nodes);
  });

  it('the stream is no stream (WRONGTYPE): it is tried again, and goes on once it is one', async () => {
    const { redis, cluster } = own();
    const clients = await cluster.connectEach();
    await cluster.barrier();
    await cluster.redis.multi().del(cluster.streamName).set(cluster.streamName, 'no stream').exec();
    const traffic = await Traffic.start(cluster, clients, { every: 10 });
    await triedSlowly(redis, WRITES).finally(() => cluster.redis.del(cluster.streamName));
    await traffic.flows(50);

    expect(await traffic.end()).toEqual([UNHARMED, UNHARMED]);
    for (const node of cluster.nodes) {
      const reason = expect.stringMatching(/^WRONGTYPE /) as string;
      expect(await node.recorded('commandRefused')).toContainEqual([{ command: 'XADD', reason, count: 1 }]);
    }
  });
});

describe.each([
  ['pubsub', 'PUBLISH'],
  ['sharded-pubsub', 'SPUBLISH'],
  ['stream', 'XADD'],
] as const)('Redis refuses heartbeats (%s)', (ephemeral, command) => {
  it('it is told, though nothing else is sent, and the nodes know each other once it does not', async () => {
    const redis = await startRedis();
    const cluster = await startCluster({
      redisUrl: redis.url,
      setup: keepEvents,
      adapterOptions: { ephemeral, heartbeatInterval: 200, heartbeatTimeout: 1_000 },
    });
    await redis.command('ACL', 'SETUSER', 'default', `-${command}`);
    const reason = expect.stringMatching(/^NOPERM this user has no permissions to run the/) as string;
    for (const node of cluster.nodes) {
      expect(await node.recorded('commandRefused', 1)).toEqual([[{ command, reason, count: 1 }]]);
    }
    await redis.command('ACL', 'SETUSER', 'default', `+${command}`);

    const newcomer = await cluster.addNode();
    await cluster.settled({ count: 3 });
    expect(await newcomer.run(async (io) => (await io.fetchSockets()).length)).toBe(0);
  });
});

/** Of 10 attempts by two connections, one has made 5, the delays between which grow from 25 ms, or more, to 200. */
async function triedSlowly(redis: RedisServer, { command, connections }: Attempt): Promise<void> {
  const begin = performance.now();
  const before = await attempts(redis, command);
  await waitFor(async () => (await attempts(redis, command)) >= before + 10 * connections, {
    deadline: 20_000,
    interval: 20,
    what: `${command} to be tried again`,
  });
  expect(performance.now() - begin).toBeGreaterThan(300);
}

async function attempts(redis: RedisServer, command: string): Promise<number> {
  const { calls, rejected } = await commandStats(redis, command);
  // to ask is to connect
  const questions = command === 'hello' ? (await commandStats(redis, 'info')).calls : 0;
  return calls + rejected - questions;
}
