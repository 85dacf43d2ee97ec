import { describe, expect, it } from 'vitest';
import { startCluster, waitFor, type ServerNode } from '../harness/index.js';
import { away, present } from './support/away.js';
import { stateOf } from './support/node-state.js';
import { keepEvents } from './support/own-redis.js';

describe('a node with another number of streams than the cluster has', () => {
  it.each(['pubsub', 'stream'] as const)('is refused, and the cluster goes on without it (%s)', async (ephemeral) => {
    const cluster = await startCluster({ setup: keepEvents, adapterOptions: { ephemeral } });
    const uids = await Promise.all(cluster.nodes.map(async (node) => (await stateOf(node)).uid));
    const error = await cluster.addNode({ adapterOptions: { streamCount: 2 } }).then(
      () => expect.fail('It started.'),
      (failure: Error) => failure,
    );

    expect(error).toMatchObject({ name: 'InvalidOptionError', option: 'streamCount' });
    const [, uid] = /^Option `streamCount` is 2, but 1 on node (\w+) of the cluster: .*keyPrefix/.exec(error.message)!;
    expect(uids).toContain(uid);
    for (const node of cluster.nodes.slice(0, 2)) {
      expect(await node.recorded('nodeMismatch', 1)).toEqual([
        [{ reason: expect.stringContaining('Option `streamCount` is 1, but 2 on node'), count: 1 }],
      ]);
      expect(await node.recorded('nodeJoined')).toHaveLength(1);
      expect(await node.run(async (io) => [await io.of('/').adapter.serverCount(), await io.fetchSockets()])).toEqual([
        2,
        [],
      ]);
    }
  });

  it('joins when those that were in its way have left', async () => {
    const cluster = await startCluster({ nodes: 1 });
    const [former] = cluster.nodes as [ServerNode];
    const next = await cluster.addNode({ waitUntilReady: false, adapterOptions: { streamCount: 2 } });
    const refusal = await next.run((io) =>
      (io.of('/').adapter as unknown as { ready(): Promise<void> }).ready().catch(({ name }: Error) => name),
    );
    expect(refusal).toBe('InvalidOptionError');
    expect((await stateOf(next)).joined).toBe(false);
    await former.close();
    await waitFor(async () => (await stateOf(next)).joined, { deadline: 15_000, what: 'the node to join' });
    const another = await cluster.addNode({ adapterOptions: { streamCount: 2 } });
    await cluster.settled({ count: 2 });
    const client = await cluster.connect(another);
    await next.run((io) => io.emit('hello'));

    expect(await client.next('hello')).toEqual([[]]);
  });
});

describe('a client that was away while the number of streams was changed', () => {
  it('starts afresh, rather than go without what it missed', async () => {
    const cluster = await startCluster({ serverOptions: { connectionStateRecovery: {} } });
    const witness = await present(cluster, 1);
    const client = await away(cluster, 0);
    await cluster.node(1).run((io) => io.emit('missed'));
    await witness.next('missed');
    cluster.closeClients();
    await Promise.all(cluster.nodes.map((node) => node.close()));
    const node = await cluster.addNode({ adapterOptions: { streamCount: 2 } });
    const other = await present(cluster, node);
    await node.run((io) => io.emit('later'));
    await other.next('later');
    cluster.clients.add(client);
    await client.connect(node);

    expect(client.recovered).toBe(false);
  });
});
