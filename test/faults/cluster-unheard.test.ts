import { createClient } from 'redis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createEmitter } from '../../src/adapter/index.js';
import { startCluster, waitFor, type Cluster, type NodeOptions, type ServerNode } from '../harness/index.js';
import { stateOf } from './support/node-state.js';

const heartbeats = { heartbeatInterval: 50, heartbeatTimeout: 500 };
/** Everybody emits all the time. */
const setup: NodeOptions['setup'] = (io, ctx) => {
  const { events } = ctx.adapterFactory as unknown as { events: NodeJS.EventEmitter };
  for (const name of ['nodeMismatch', 'nodeLeft']) events.on(name, ctx.record(name));
  setInterval(() => io.emit('news'), 10).unref();
};

/** Waits until the nodes have heard their own heartbeats for `heartbeatTimeout` several times over. */
async function listened(nodes: readonly ServerNode[]): Promise<void> {
  for (const node of nodes) {
    const echoes = new Set<number | undefined>();
    const enough = async (): Promise<boolean> => echoes.add((await stateOf(node)).lastHeartbeat).size > 40;
    await waitFor(enough, { deadline: 30_000, what: `heartbeats of ${node.name}` });
  }
}

const uidsOf = async (cluster: Cluster): Promise<string[]> =>
  Promise.all(cluster.nodes.map(async (node) => (await stateOf(node)).uid));

describe('a node that publishes, and is not heard', () => {
  it.each([
    ['has another `ephemeral`', { ephemeral: 'stream' }],
    ['has sharded channels', { ephemeral: 'sharded-pubsub' }],
    ['has another `channelPrefix`', { channelPrefix: 'another' }],
  ] as const)('is told of once where it %s, and tells of the others', async (_title, adapterOptions) => {
    const cluster = await startCluster({ nodes: 1, setup, adapterOptions: heartbeats });
    await cluster.addNode({ adapterOptions });
    const uids = await uidsOf(cluster);
    for (const [index, node] of cluster.nodes.entries()) {
      const [other] = uids.filter((_uid, i) => i !== index);
      const told = [[{ reason: expect.stringContaining(`node ${other} publishes, but `) as string, count: 1 }]];
      expect(await node.recorded('nodeMismatch', 1, { deadline: 20_000 })).toEqual(told);
      await listened([node]);
      expect(await node.recorded('nodeMismatch')).toEqual(told);
    }
  });

  it('is not told of in a cluster that is as it should be, where nodes come, go, sleep, and others publish', async () => {
    const cluster = await startCluster({
      nodes: [{}, {}, { adapter: 'peer', setup: (io) => void setInterval(() => io.emit('news'), 10).unref() }],
      setup,
      adapterOptions: { ...heartbeats, interop: true },
    });
    const emitter = createEmitter(createClient({ url: cluster.redisUrl }), { streamName: cluster.streamName });
    onTestFinished(() => emitter.close());
    const emitting = setInterval(() => void emitter.emit('news'), 10);
    onTestFinished(() => clearInterval(emitting));
    const [first, second] = cluster.nodes as [ServerNode, ServerNode];

    second.kill('SIGSTOP');
    await first.recorded('nodeLeft', 1, { deadline: 20_000 });
    second.kill('SIGCONT');
    const later = await cluster.addNode();
    await listened([first, second, later]);
    second.kill('SIGKILL');
    await later.close();
    await first.recorded('nodeLeft', 3, { deadline: 20_000 });
    await listened([first]);

    expect(await first.recorded('nodeMismatch')).toEqual([]);
  });
});
