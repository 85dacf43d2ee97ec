import { describe, expect, it } from 'vitest';
import type { RedisServer } from '../../src/testing/index.js';
import {
  startCluster,
  startRedis,
  waitFor,
  type Cluster,
  type NodeOptions,
  type ServerNode,
  type TestClient,
} from '../harness/index.js';
import { away, claimOf, heir, numbers, present, send, type Claim } from './support/away.js';

const SIZE = 100_000;

describe('a client that a middleware lets wait', () => {
  it('is not restored once more elsewhere while a middleware lets it wait', async () => {
    const redis = await startRedis();
    const cluster = await slowMiddleware(redis);
    const { waiting, key } = await waitingClient(cluster);
    const left = async (): Promise<number> => Number(await redis.command('PTTL', `${key}:claim`));
    // what is left of the claim becomes more only when it is renewed
    let before = await left();
    await waitFor(async () => {
      const now = await left();
      const renewed = now > before;
      before = now;
      return renewed;
    });
    await letIn(cluster.node(0));
    await waitFor(() => waiting.recovered);
    await send(cluster.node(1), 'room', 0, 3);

    expect(await waiting.next('packet', 3)).toEqual(numbers(0, 3));
  });

  it('is cut off when its session was restored elsewhere while a middleware let it wait', async () => {
    const redis = await startRedis();
    const cluster = await slowMiddleware(redis);
    const { waiting, key, claim } = await waitingClient(cluster);
    // as when the node is stopped for so long that the claim lapses
    await redis.command('DEL', `${key}:claim`);
    const second = await heir(cluster, claim).connect(cluster.node(1));
    await cluster.node(0).run((io, ctx) => ctx.waitFor(() => io.engine.clientsCount === 0, 10_000));
    await letIn(cluster.node(0));
    await send(cluster.node(0), 'room', 0, 3);

    expect([second.recovered, waiting.recovered]).toEqual([true, false]);
    expect(await second.next('packet', 3)).toEqual(numbers(0, 3));
    expect(await redis.command('EXISTS', key)).toBe(0);
  });

  it('is cut off when nobody knows for how long its session was free to be restored elsewhere', async () => {
    const redis = await startRedis();
    const user = ['ACL', 'SETUSER', 'node', 'on', '>secret', '~*', '&*', '+@all'];
    await redis.command(...user);
    const cluster = await slowMiddleware(redis, [{ redisOptions: { username: 'node', password: 'secret' } }, {}]);
    const { waiting, key, claim } = await waitingClient(cluster);
    // it can neither renew the claim nor find out about it
    await redis.command(...user, '-pexpire');
    await waitFor(async () => (await redis.command('EXISTS', `${key}:claim`)) === 0, { deadline: 20_000 });
    const second = await heir(cluster, claim).connect(cluster.node(1));
    await letIn(cluster.node(0));
    await waiting.disconnected();
    await send(cluster.node(0), 'room', 0, 3);

    expect(second.recovered).toBe(true);
    expect(await second.next('packet', 3)).toEqual(numbers(0, 3));
    expect(waiting.received('packet')).toEqual([]);
    expect(await redis.command('EXISTS', key)).toBe(0);
  });

  it('comes back although the middleware that let it wait never lets it in', async () => {
    const redis = await startRedis();
    const cluster = await slowMiddleware(redis);
    const { waiting, claim } = await waitingClient(cluster);
    waiting.close();
    await cluster.node(0).run((io, ctx) => ctx.waitFor(() => io.engine.clientsCount === 0));
    const returned = heir(cluster, claim);
    void returned.connect(cluster.node(0)).catch(() => undefined);
    await cluster.node(0).recorded('middleware', 2);
    await letIn(cluster.node(0));
    await waitFor(() => returned.recovered);
    // what was left of the first attempt does no harm to the second
    await cluster.node(0).run((_io, ctx) => (ctx.state['first'] as () => void)());
    await send(cluster.node(1), 'room', 0, 3);

    expect(await returned.next('packet', 3)).toEqual(numbers(0, 3));
    expect(await socketIds(cluster.node(0))).toEqual([returned.id]);
  });

  it('is cut off when too much comes in for it meanwhile, and gets all of that when it comes back', async () => {
    const redis = await startRedis();
    const cluster = await slowMiddleware(redis);
    const { waiting, claim } = await waitingClient(cluster);
    const witness = await present(cluster, 1, { rooms: ['room'] });
    // half of what a node keeps for one client
    await sendLarge(cluster.node(1), 0, 8);
    await witness.next('packet', 8);
    expect(await cluster.node(0).run((io) => io.engine.clientsCount)).toBe(1);
    await sendLarge(cluster.node(1), 8, 24);
    await cluster.node(0).run((io, ctx) => ctx.waitFor(() => io.engine.clientsCount === 0, 10_000));
    const returned = await heir(cluster, claim).connect(cluster.node(1));
    await returned.next('packet', 24);

    expect(returned.recovered).toBe(true);
    expect(returned.received('packet').map(([n]) => n)).toEqual(numbers(0, 24).flat());
    expect(waiting.received('packet')).toEqual([]);
  });

  /** Two nodes, of which the first lets in nobody who comes back until it is told to. */
  function slowMiddleware(redis: RedisServer, nodes: NodeOptions[] = [{}, {}]): Promise<Cluster> {
    return startCluster({
      redisUrl: redis.url,
      nodes,
      serverOptions: { connectionStateRecovery: { skipMiddlewares: false } },
      adapterOptions: { recentMaxBytes: 16 * SIZE },
      setup: (io, ctx) => {
        io.use((socket, next) => {
          if (!socket.recovered || ctx.options.name.endsWith('-1')) return next();
          ctx.record('middleware')();
          ctx.state['first'] ??= next;
          ctx.state['next'] = next;
        });
      },
    });
  }

  /** A client that has come back to node 0, where the middleware has it; and its session. */
  async function waitingClient(cluster: Cluster): Promise<{ waiting: TestClient; key: string; claim: Claim }> {
    const lost = await away(cluster, 0, { rooms: ['room'] });
    const key = await cluster.sessionSaved(lost);
    const claim = claimOf(lost);
    const waiting = heir(cluster, claim);
    void waiting.connect(cluster.node(0)).catch(() => undefined);
    await cluster.node(0).recorded('middleware', 1);
    return { waiting, key, claim };
  }

  /** Makes the node send packets of {@link SIZE} bytes and a number to the room. */
  async function sendLarge(node: ServerNode, from: number, to: number): Promise<void> {
    await node.run(
      (io, _ctx, first, end, size) => {
        for (let n = first; n < end; n++) io.to('room').emit('packet', n, 'x'.repeat(size));
      },
      from,
      to,
      SIZE,
    );
  }

  function letIn(node: ServerNode): Promise<unknown> {
    return node.run((_io, ctx) => (ctx.state['next'] as () => void)());
  }

  function socketIds(node: ServerNode): Promise<string[]> {
    return node.run((io) => [...io.of('/').sockets.keys()]);
  }
});
