import { setTimeout as sleep } from 'node:timers/promises';
import type { Server } from 'socket.io';
import { describe, expect, it } from 'vitest';
import type { NodeSnapshot } from '../../src/adapter/public.js';
import { startCluster, startRedis, waitFor, type Cluster, type ServerNode } from '../harness/index.js';
import { stateOf } from './support/node-state.js';
import { keepEvents } from './support/own-redis.js';

/** Short, but far above what a busy machine holds a process up. */
const heartbeats = { heartbeatInterval: 300, heartbeatTimeout: 4_000 };

/** Of no use when nothing ends a wait but its timeout. */
const adapterOptions = { ...heartbeats, requestTimeout: 30_000 };

/** The node decides by a clock that is finer than the one that it tells the time by. */
const ROUNDING = 20;

describe('a node that is killed', () => {
  it('is forgotten once it has been silent for long enough, and not before', async () => {
    const cluster = await startCluster({ nodes: 3, adapterOptions, setup: keepEvents });
    const [first, second, third] = three(cluster);
    await watchLossOf(third, first);
    third.kill('SIGKILL');
    await third.exited;
    const [[heard, echoes]] = (await first.recorded('lost', 1)) as [[number, number[]]];
    await second.recorded('nodeLeft', 1);
    await cluster.settled({ count: 2 });

    expect(await first.recorded('nodeLeft')).toEqual([[expect.objectContaining({ reason: 'lost', clusterSize: 2 })]]);
    const { heartbeatInterval, heartbeatTimeout } = heartbeats;
    const gaps = echoes.slice(1).map((echo, index) => echo - echoes[index]!);
    expect(echoes.at(-1)! - heard).toBeGreaterThanOrEqual(heartbeatTimeout - ROUNDING);
    // It looks who is silent whenever its own heartbeat comes back, and had no reason yet the time before. A busy machine holds it up in
    // between for as long as it likes, and after a pause time begins anew; the first that was seen may have come after one.
    const steadySince = echoes[gaps.findLastIndex((gap) => gap >= 2 * heartbeatInterval - ROUNDING) + 1]!;
    expect(echoes.at(-2)! - Math.max(heard, steadySince)).toBeLessThanOrEqual(heartbeatTimeout + ROUNDING);
    // and that is once an interval: what is held up makes some of the gaps longer, and the next ones shorter
    expect(Math.min(...gaps)).toBeLessThan(1.5 * heartbeatInterval);
  });

  for (const recovery of [false, true]) {
    it(`is not waited for by requests that are open (recovery: ${recovery})`, async () => {
      const cluster = await startCluster({
        nodes: 3,
        adapterOptions,
        ...(recovery && { serverOptions: { connectionStateRecovery: {} } }),
        setup: (io) => void io.on('question', (answer: (value: string) => void) => answer('answer')),
      });
      const [first, , third] = three(cluster);
      const clients = await cluster.connectEach();
      for (const [i, client] of clients.entries()) client.socket.on('question', (answer) => void answer(i));
      // frozen, so that it has the questions and answers none
      third.kill('SIGSTOP');
      const answers = first.run(async (io) => {
        const [sockets, servers, clients] = await Promise.all([
          io.fetchSockets(),
          io.serverSideEmitWithAck('question'),
          io.timeout(30_000).emitWithAck('question') as Promise<unknown[]>,
        ]);
        return { sockets: sockets.length, servers, clients };
      });
      await waitFor(async () => (await stateOf(first)).openRequests === 3);
      third.kill('SIGKILL');

      expect(await answers).toEqual({ sockets: 2, servers: ['answer'], clients: expect.arrayContaining([0, 1]) });
      expect((await stateOf(first)).openRequests).toBe(0);
    });
  }
});

describe('a node that leaves gracefully', () => {
  it('is forgotten at once, and not waited for by requests that are open', async () => {
    // heartbeats that would tell after a minute
    const slow = { heartbeatInterval: 30_000, heartbeatTimeout: 60_000, requestTimeout: 50_000 };
    const cluster = await startCluster({ nodes: 3, adapterOptions: slow, setup: keepEvents });
    const [first, second, third] = three(cluster);
    await second.run((io) => void io.on('question', (answer: (value: string) => void) => answer('answer')));
    await third.run((io, ctx) => void io.on('question', ctx.record('question')));
    const answers = first.run((io) => io.serverSideEmitWithAck('question'));
    await third.recorded('question', 1);
    await third.close();

    expect(await answers).toEqual(['answer']);
    expect(await first.recorded('nodeLeft')).toEqual([[expect.objectContaining({ reason: 'left', clusterSize: 2 })]]);
    await cluster.settled({ count: 2 });
  });
});

describe('a node that is frozen and goes on', () => {
  it('takes nobody for lost, and is back among the others', async () => {
    const cluster = await startCluster({ nodes: 3, adapterOptions, setup: keepEvents });
    const [first, second, third] = three(cluster);
    await cluster.connectEach();
    third.kill('SIGSTOP');
    await first.recorded('nodeLeft', 1);
    await second.recorded('nodeLeft', 1);
    third.kill('SIGCONT');
    const seen = await third.run(async (io) => ({
      sockets: (await io.fetchSockets()).length,
      servers: await io.of('/').adapter.serverCount(),
    }));
    expect(seen).toEqual({ sockets: 3, servers: 3 });
    await cluster.settled();
    // it looks who is silent whenever it beats
    await heartbeatsOf(third, first, 3);

    expect(await third.recorded('nodeLeft')).toEqual([]);
    expect(await first.run(async (io) => (await io.fetchSockets()).length)).toBe(3);
  });
});

describe('nodes whose Redis is away for longer than they may be silent', () => {
  it('take nobody for lost', async () => {
    const redis = await startRedis();
    const cluster = await startCluster({ redisUrl: redis.url, adapterOptions, setup: keepEvents });
    await redis.pause();
    // how long Redis is away is what matters here
    await sleep(heartbeats.heartbeatTimeout + 2 * heartbeats.heartbeatInterval);
    await redis.resume();
    await heartbeatsOf(cluster.node(0), cluster.node(1), 3);
    await heartbeatsOf(cluster.node(1), cluster.node(0), 3);

    for (const node of cluster.nodes) expect(await node.recorded('nodeLeft')).toEqual([]);
  });
});

describe('a node that is new', () => {
  it('knows all the others from its first request on', async () => {
    const cluster = await startCluster();
    await cluster.connectEach();
    const counts = await cluster.node(1).run(async (_io, ctx) => {
      const seen = [];
      for (let i = 0; i < 10; i += 1) {
        const { io } = await ctx.createServer();
        await (io.of('/').adapter as unknown as { ready(): Promise<void> }).ready();
        seen.push([(await io.fetchSockets()).length, await io.of('/').adapter.serverCount()]);
        await io.close();
      }
      return seen;
    });

    expect(counts).toEqual(Array.from({ length: 10 }, () => [2, 3]));
  });

  it('is known to all the others by the time that it is ready', async () => {
    const cluster = await startCluster();
    const seen: number[] = [];
    for (let i = 0; i < 10; i += 1) {
      await cluster.node(1).run(async (_io, ctx) => {
        const { io } = await ctx.createServer();
        await (io.of('/').adapter as unknown as { ready(): Promise<void> }).ready();
        ctx.state['newcomer'] = io;
      });
      seen.push(await cluster.node(0).run((io) => io.of('/').adapter.serverCount()));
      await cluster.node(1).run((_io, ctx) => (ctx.state['newcomer'] as Server).close());
      await cluster.settled({ count: 2 });
    }

    expect(seen).toEqual(Array(10).fill(3));
  });
});

/**
 * Has the observer record, when it takes the other node for lost, when it had last heard of that node, and when its own heartbeats have come
 * back to it meanwhile, the last of which had it decide so.
 */
async function watchLossOf(other: ServerNode, observer: ServerNode): Promise<void> {
  const { uid } = await stateOf(other);
  await observer.run((_io, ctx, uid) => {
    const { snapshot, events } = ctx.adapterFactory as unknown as {
      snapshot(): NodeSnapshot[];
      events: NodeJS.EventEmitter;
    };
    const echoes: number[] = [];
    let heard = 0;
    const look = (): void => {
      const { lastHeartbeat, members } = snapshot()[0]!;
      if (lastHeartbeat !== undefined && lastHeartbeat !== echoes.at(-1)) echoes.push(lastHeartbeat);
      heard = members.find((member) => member.uid === uid)?.lastSeen ?? heard;
    };
    look();
    const timer = setInterval(look, 10);
    events.once('nodeLeft', () => {
      clearInterval(timer);
      look();
      ctx.record('lost')(heard, echoes);
    });
  }, uid);
}

function three(cluster: Cluster): [ServerNode, ServerNode, ServerNode] {
  return [cluster.node(0), cluster.node(1), cluster.node(2)];
}

/** Waits until `observer` has heard of the other node `count` times. */
async function heartbeatsOf(other: ServerNode, observer: ServerNode, count: number): Promise<void> {
  const { uid } = await stateOf(other);
  const seen = new Set<number | undefined>();
  await waitFor(
    async () => {
      const { members } = await stateOf(observer);
      return seen.add(members.find((member) => member.uid === uid)?.lastSeen).size > count;
    },
    { what: `${count} heartbeats of ${other.name}` },
  );
}
