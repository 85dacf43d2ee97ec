import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createDriver } from '../../src/adapter/redis/create-driver.js';
import { noopTelemetry } from '../../src/adapter/telemetry-port.js';
import { RedisClusterServer, type RedisServer } from '../../src/testing/index.js';
import { waitFor } from '../harness/index.js';
import { clusterFamilies, type Family } from './support/families.js';
import { ownNames, startNodes, type Node } from './support/nodes.js';
import { Traffic, UNHARMED } from './support/traffic.js';

let redis: RedisClusterServer;

beforeAll(async () => {
  redis = await RedisClusterServer.start({ replicas: 1 });
});

afterAll(() => redis.stop());

/** One of each library. */
const families = clusterFamilies(() => redis.nodes).filter(({ name }) => /^(redis 6|ioredis 5)/.test(name));

describe.each(families)('a Redis Cluster, and nodes with $name', (family: Family) => {
  const names = ownNames();
  const { streamName } = names;

  async function nodes(options: object = {}): Promise<[Node, Node]> {
    const adapterOptions = {
      ...names,
      useShardedPubSub: true,
      heartbeatInterval: 500,
      heartbeatTimeout: 2_000,
      ...options,
    };
    const started = await startNodes({
      client: async () => {
        const given = await family.create({ name: 'failover' });
        onTestFinished(() => given.close());
        return given.client;
      },
      adapterOptions,
    });
    return started as [Node, Node];
  }

  /** Kills the master of a key, and waits until a replica is in its place. Comes the test to its end, it is a replica itself. */
  async function failover(key: string, meanwhile?: () => Promise<void>): Promise<void> {
    const master = await redis.masterOf(key);
    onTestFinished(async () => {
      await master.restart();
      await waitFor(async () => String(await master.command('INFO', 'replication')).includes('master_link_status:up'), {
        deadline: 45_000,
        what: 'the former master to follow the new one',
      });
    });
    await master.kill();
    await meanwhile?.();
    await redis.failedOver(key, master);
  }

  function told(node: Node, ...names: string[]): unknown[] {
    return node.events.filter(({ name }) => names.includes(name));
  }

  it('go on where they were when the master of the stream is killed, and tell of what was lost with it', async () => {
    const [near, far] = await nodes();
    const traffic = await Traffic.start([near, far]);
    await traffic.flows();
    await failover(streamName);
    await traffic.flows();
    const verdicts = await traffic.end();
    for (const [index, node] of [near, far].entries()) {
      expect(verdicts[index]).toMatchObject({ twice: 0, late: 0 });
      // what no replica had yet is lost, and that is told
      if (verdicts[index]!.missing > 0) expect(told(node, 'gap', 'streamReset')).not.toEqual([]);
      expect(told(node, 'connectionLost').length).toBeGreaterThan(0);
    }
    await waitFor(async () => (await near.io.fetchSockets()).length === 2, { what: 'the nodes to know each other' });
  });

  // which library it is makes no difference here
  if (family.name.startsWith('redis')) {
    it('tell that the log began anew when a replica is promoted that lacks what they had read', async () => {
      const [near, far] = await nodes();
      const traffic = await Traffic.start([near, far]);
      await traffic.flows();
      const master = await redis.masterOf(streamName);
      const replica = await replicaOf(master);
      await replica.pause();
      // what was sent to it already waits for it
      await master.command('CLIENT', 'KILL', 'TYPE', 'replica');
      // read by all, and replicated to nobody
      await traffic.flows(100);
      // what the master has taken and nobody has read is lost with it, and no harm of ours
      await traffic.rest();
      await failover(streamName, () => {
        traffic.resume();
        return replica.resume();
      });
      await traffic.flows();
      expect(await traffic.end()).toEqual([UNHARMED, UNHARMED]);
      for (const node of [near, far]) expect(told(node, 'streamReset')).toHaveLength(1);
    });

    it.each([true, false])(
      'reach a key of a master that has failed over, and has no stream (used before: %s)',
      async (used) => {
        const given = await family.create({ name: 'elsewhere' });
        const settings = { ...names, useShardedPubSub: true, telemetry: noopTelemetry };
        const connection = createDriver(given.client, settings).open('writer');
        onTestFinished(async () => {
          connection.close();
          await given.close();
        });
        await connection.forKey(streamName).whenReady();
        const key = await keyElsewhere();
        if (used) await connection.send(['SET', key, 'before']);
        await failover(key);
        let looks: number;
        await waitFor(async () => looks === (looks = await looksAtTheCluster()), {
          deadline: 15_000,
          interval: 1_000,
          what: 'an end of the looks for a new master',
        });
        await waitFor(() => connection.send(['SET', key, 'after']), {
          deadline: 15_000,
          interval: 50,
          what: 'the new master to take a command',
        });
      },
    );
  }

  it('lose nothing while the slots of stream and channels are moved, and wait for nothing that is elsewhere', async () => {
    // who waits in XREAD where the stream was is woken by nobody
    const [near, far] = await nodes({ blockTimeInMs: 120_000 });
    const traffic = await Traffic.start([near, far]);
    await traffic.flows();
    for (const key of [streamName, `${names.channelPrefix}#@cluster#`]) {
      const from = await redis.masterOf(key);
      const others = await Promise.all(
        redis.nodes.map(async (node) => (await isMaster(node)) && node !== from && node),
      );
      const to = others.find((node) => node !== false)!;
      const asked = await calls(to, 'asking');
      await redis.move(key, to, () => traffic.flows());
      await traffic.flows();
      if (key === streamName) expect(await calls(to, 'asking')).toBeGreaterThan(asked);
    }
    expect(await traffic.end()).toEqual([UNHARMED, UNHARMED]);
    for (const node of [near, far]) expect(told(node, 'gap', 'streamReset')).toEqual([]);
    await waitFor(async () => (await near.io.fetchSockets()).length === 2, { what: 'the nodes to know each other' });
  });

  it.each([true, false])(
    'have the answer to every question while the slot of the channel is moved (sharded: %s)',
    async (useShardedPubSub) => {
      const [near, far] = await nodes({ useShardedPubSub, requestTimeout: 20_000, heartbeatTimeout: 20_000 });
      far.io.on('question', (number: number, answer: (number: number) => void) => answer(number));
      const answers: Array<Promise<unknown>> = [];
      const timer = setInterval(() => {
        answers.push(near.io.serverSideEmitWithAck('question', answers.length).catch(({ message }: Error) => message));
      }, 5);
      onTestFinished(() => clearInterval(timer));
      const asked = async (count: number): Promise<void> => {
        await waitFor(() => answers.length >= count, { deadline: 10_000, what: `${count} questions` });
      };
      await asked(20);
      const channel = `${names.channelPrefix}#@${near.factory.snapshot()[0]!.uid}#`;
      const from = await redis.masterOf(channel);
      const masters = await Promise.all(
        redis.nodes.map(async (node) => (await isMaster(node)) && node !== from && node),
      );
      await redis.move(
        channel,
        masters.find((node) => node !== false)!,
        () => asked(answers.length + 20),
      );
      await asked(answers.length + 100);
      clearInterval(timer);
      expect(await Promise.all(answers)).toEqual(answers.map((_answer, number) => [number]));
    },
  );

  /** How often any node that runs was asked how the slots are spread. */
  async function looksAtTheCluster(): Promise<number> {
    const asked = await Promise.allSettled(redis.nodes.map((node) => calls(node, 'cluster\\|slots')));
    return asked.reduce((sum, reply) => sum + (reply.status === 'fulfilled' ? reply.value : 0), 0);
  }

  /** A key of another master than that of the stream. */
  async function keyElsewhere(): Promise<string> {
    const master = await redis.masterOf(streamName);
    for (let n = 0; ; n++) {
      const key = `${names.sessionKeyPrefix}${n}`;
      if ((await redis.masterOf(key)) !== master) return key;
    }
  }

  async function replicaOf(master: RedisServer): Promise<RedisServer> {
    const role = (await master.command('ROLE')) as [string, number, Array<[string, string, string]>];
    return redis.nodes.find(({ port }) => port === Number(role[2][0]![1]))!;
  }
});

async function isMaster(server: RedisServer): Promise<boolean> {
  return String(await server.command('INFO', 'replication')).includes('role:master');
}

async function calls(server: RedisServer, command: string): Promise<number> {
  const stats = String(await server.command('INFO', 'commandstats'));
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}
