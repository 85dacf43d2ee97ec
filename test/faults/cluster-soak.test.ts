import { Manager } from 'socket.io-client';
import { describe, expect, it } from 'vitest';
import { startCluster, waitFor, type Cluster, type ServerNode } from '../harness/index.js';
import { heapOf } from './support/heap.js';
import { stateOf } from './support/node-state.js';

const NAMESPACES = 500;

describe('namespaces that come and go', () => {
  for (const interop of [false, true]) {
    it(`leave nothing behind (interop: ${interop})`, async () => {
      const cluster = await startCluster({
        // what was sent last is remembered by design
        adapterOptions: { interop, recentMaxBytes: 0 },
        serverOptions: { cleanupEmptyChildNamespaces: true, connectionStateRecovery: {} },
        setup: (io, ctx) => {
          io.of(/^\/dynamic-\d+$/);
          const made: WeakRef<object>[] = [];
          ctx.state['made'] = made;
          io.on('new_namespace', (nsp) => made.push(new WeakRef(nsp), new WeakRef(nsp.adapter)));
        },
      });
      await comeAndGo(cluster, 0, 100);
      const before = await footprint(cluster);
      await comeAndGo(cluster, 100, 100 + NAMESPACES);
      const after = await waitFor(async () => {
        const now = await footprint(cluster);
        return (
          now.namespaces === before.namespaces && now.channels === before.channels && now.timers <= before.timers && now
        );
      });

      const varying = { timers: expect.any(Number), alive: expect.any(Number), heap: expect.any(Number) };
      expect(after).toEqual({ ...before, ...varying });
      // the engine may still have a hand on those it touched last
      expect(after.alive).toBeLessThan(10);
      // a namespace takes about twenty kilobytes; so much may well be warmed up elsewhere
      expect((after.heap - before.heap) / NAMESPACES).toBeLessThan(6_000);
    });
  }
});

/** Clients connect to each namespace on both nodes, something happens there, and they leave. */
async function comeAndGo(cluster: Cluster, from: number, to: number): Promise<void> {
  const managers = cluster.nodes.map(({ url }) => new Manager(url, { transports: ['websocket'], reconnection: false }));
  try {
    for (let first = from; first < to; first += 50) {
      const names = Array.from({ length: Math.min(50, to - first) }, (_, i) => `/dynamic-${first + i}`);
      const sockets = names.flatMap((name) => managers.map((manager) => manager.socket(name)));
      await waitFor(() => sockets.every(({ connected }) => connected), { what: 'the sockets to connect' });
      for (const socket of sockets) socket.on('question', (answer: (n: number) => void) => answer(1));
      await cluster.node(0).run(async (io, _ctx, nsps) => {
        const requests = await Promise.allSettled(
          nsps.map(async (name) => {
            const nsp = io.of(name);
            nsp.emit('event', 1);
            await nsp.fetchSockets();
            await nsp.timeout(20_000).emitWithAck('question');
          }),
        );
        const failed = requests.find((request) => request.status === 'rejected');
        if (failed) throw new Error(String(failed.reason));
      }, names);
      for (const socket of sockets) socket.disconnect();
      await Promise.all(cluster.nodes.map((node) => node.run((io, ctx) => ctx.waitFor(() => io._nsps.size === 1))));
    }
  } finally {
    for (const manager of managers) manager._close();
  }
}

interface Footprint {
  namespaces: number;
  requests: number;
  sessions: number;
  channels: number;
  listeners: number;
  timers: number;
  /** Namespaces and adapters that were not freed. */
  alive: number;
  heap: number;
}

/** What the nodes hold on to. */
async function footprint(cluster: Cluster): Promise<Footprint> {
  const states = await Promise.all(cluster.nodes.map(stateOf));
  const processes = await Promise.all(cluster.nodes.map(inProcess));
  const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
    items.reduce((all, item) => all + of(item), 0);
  return {
    namespaces: sum(states, ({ namespaces }) => namespaces.length),
    requests: sum(states, ({ openRequests }) => openRequests),
    sessions: sum(states, ({ pendingSessions }) => pendingSessions),
    channels: (await cluster.redis.pubSubChannels(`${cluster.prefix}*`)).length,
    listeners: sum(processes, ({ listeners }) => listeners),
    timers: sum(processes, ({ timers }) => timers),
    alive: sum(processes, ({ alive }) => alive),
    heap: sum(processes, ({ heap }) => heap),
  };
}

async function inProcess(node: ServerNode): Promise<Pick<Footprint, 'listeners' | 'timers' | 'alive' | 'heap'>> {
  // first, so that what nobody holds is not counted as alive
  const heap = await heapOf(node);
  const held = await node.run((io, ctx) => {
    const count = (emitter: NodeJS.EventEmitter): number =>
      emitter.eventNames().reduce((all, name) => all + emitter.listenerCount(name), 0);
    const { events } = ctx.adapterFactory as unknown as { events: NodeJS.EventEmitter };
    return {
      listeners: [events, ctx.redis as unknown as NodeJS.EventEmitter, process, io.engine].reduce(
        (all, one) => all + count(one),
        0,
      ),
      timers: process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length,
      alive: (ctx.state['made'] as WeakRef<object>[]).filter((one) => one.deref() !== undefined).length,
    };
  });
  return { ...held, heap };
}
