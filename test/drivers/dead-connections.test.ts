import { randomUUID } from 'node:crypto';
import { createCluster, type RedisClusterType } from 'redis';
import { expect, it, onTestFinished } from 'vitest';
import { RedisClusterServer, type RedisServer } from '../../src/testing/index.js';
import { RedisProxy } from '../faults/support/redis-proxy.js';
import { waitFor } from '../harness/index.js';
import { ownNames, startNodes, type Node } from './support/nodes.js';

it('connections to the nodes of a Redis Cluster that are dead without a word are given up, though nobody publishes', async () => {
  const redis = await RedisClusterServer.start({ nodeTimeout: 5_000 });
  onTestFinished(() => redis.stop());
  const proxies = await Promise.all(redis.nodes.map((server) => RedisProxy.start(server)));
  const clients = [
    createCluster({ rootNodes: redis.nodes.map(({ url }) => ({ url })) }),
    through(proxies, redis.nodes),
  ];
  // the stream is where the heartbeats are: on a connection to another node nothing is sent, so that it harms nobody
  const names = ownNames(`{test-${randomUUID().slice(0, 8)}}`);
  const [near, far] = (await startNodes({
    client: () => clients.shift()!,
    adapterOptions: { ...names, blockTimeInMs: 500, heartbeatInterval: 500, heartbeatTimeout: 1_500 },
  })) as [Node, Node];
  await counts(near, 2);
  for (const proxy of proxies) proxy.deaden();
  await counts(near, 1);
  await waitFor(
    () => {
      const lost = far.events.filter(({ name }) => name === 'connectionLost').map(({ role }) => role);
      return ['reader', 'subscriber', 'writer'].every((role) => lost.includes(role));
    },
    { deadline: 30_000, what: 'every connection to be given up' },
  );
  await waitFor(() => far.factory.snapshot()[0]!.connections.every(({ state }) => state === 'ready'), {
    deadline: 15_000,
    what: 'the connections to be back',
  });
  await counts(near, 2);

  // asked last, as a request is published
  const sockets = await Promise.all([near.connect(), far.connect()]);
  const ids = sockets.map(({ id }) => id).toSorted();
  for (const { io } of [near, far]) expect((await io.fetchSockets()).map(({ id }) => id).toSorted()).toEqual(ids);
});

/** A client that reaches each node of the cluster through the proxy with the same index. */
function through(proxies: readonly RedisProxy[], nodes: readonly RedisServer[]): RedisClusterType {
  return createCluster({
    rootNodes: proxies.map(({ url }) => ({ url })),
    nodeAddressMap: (address) => {
      const index = nodes.findIndex(({ host, port }) => address === `${host}:${port}`);
      const { hostname, port } = new URL(proxies[index]!.url);
      return { host: hostname, port: Number(port) };
    },
  }) as unknown as RedisClusterType;
}

/** Waits until the node knows of so many, itself included. */
async function counts({ io }: Node, count: number): Promise<void> {
  await waitFor(async () => (await io.of('/').adapter.serverCount()) === count, {
    deadline: 10_000,
    what: `the node to count ${count}`,
  });
}
