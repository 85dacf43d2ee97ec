import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { RedisStreamsAdapterOptions } from '../../src/adapter/options.js';
import { RedisSentinelServer } from '../../src/testing/index.js';
import { waitFor } from '../harness/index.js';
import { sentinelFamilies, type Family } from './support/families.js';
import { ownNames, startNodes, type Node } from './support/nodes.js';
import { Traffic } from './support/traffic.js';

let redis: RedisSentinelServer;

beforeAll(async () => {
  // one for each failover, as a former master takes its time to become a replica
  redis = await RedisSentinelServer.start({ replicas: 3 });
});

afterAll(() => redis.stop());

const families = sentinelFamilies('main', () => redis.sentinels).filter(({ name }) =>
  /^(redis 6|ioredis 5)/.test(name),
);

async function nodes(family: Family, options: RedisStreamsAdapterOptions = {}): Promise<[Node, Node]> {
  const started = await startNodes({
    client: async () => {
      const given = await family.create({ name: 'failover' });
      onTestFinished(() => given.close());
      return given.client;
    },
    adapterOptions: { ...ownNames(), ...options },
  });
  return started as [Node, Node];
}

/** What no replica had yet is lost with its master, and that is told. */
async function expectNothingUntold(traffic: Traffic, nodes: readonly Node[]): Promise<void> {
  const verdicts = await traffic.end();
  for (const [index, { events }] of nodes.entries()) {
    expect(verdicts[index]).toMatchObject({ twice: 0, late: 0 });
    const told = events.filter(({ name }) => name === 'gap' || name === 'streamReset');
    if (verdicts[index]!.missing > 0) expect(told).not.toEqual([]);
  }
}

describe('a master that Sentinels watch over', () => {
  it.each(families)('is killed: nodes with $name go on with the next', async (family) => {
    const [near, far] = await nodes(family);
    const traffic = await Traffic.start([near, far]);
    await traffic.flows();
    const master = await redis.master();
    await master.kill();
    await redis.failedOver(master);
    await traffic.flows();
    await expectNothingUntold(traffic, [near, far]);
    await waitFor(async () => (await near.io.fetchSockets()).length === 2, { what: 'the nodes to know each other' });
  });

  it('is frozen, and its connections with it: the first that notices takes the others along', async () => {
    const [near, far] = await nodes(families[0]!, { blockTimeInMs: 60_000 });
    const traffic = await Traffic.start([near, far], { every: 50 });
    await traffic.flows(5);
    const master = await redis.master();
    onTestFinished(() => master.resume());
    await master.pause();
    await redis.failedOver(master);
    // a reply is waited for 10 s, and so is each attempt to connect to the one that is frozen, as long as the client takes it for the master
    await traffic.flows(5, 80_000);
    await expectNothingUntold(traffic, [near, far]);
    const roles = (node: Node): unknown[] => [
      ...new Set(node.events.filter(({ name }) => name === 'connectionLost').map(({ role }) => role)),
    ];
    for (const node of [near, far]) expect(roles(node).sort()).toEqual(['reader', 'subscriber', 'writer']);
  }, 120_000);
});
