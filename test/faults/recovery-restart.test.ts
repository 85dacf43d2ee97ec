import { describe, expect, it } from 'vitest';
import type { RedisServer } from '../../src/testing/index.js';
import { decodeSession } from '../../src/adapter/sessions/session.js';
import { startCluster, startRedis, waitFor, type Cluster, type ServerNode, type TestClient } from '../harness/index.js';
import { away, numbers, present, send } from './support/away.js';
import { commandStats } from './support/command-stats.js';
import { commandsSince, watchCommands } from './support/commands.js';
import { cutOff, joinRoom, ready, report, RestlessClient, settled } from './support/fire.js';

const serverOptions = { connectionStateRecovery: {} };

describe('a deployment', () => {
  it('that restarts one node after the other costs no client a packet', async () => {
    const cluster = await startCluster({
      nodes: 3,
      setup: joinRoom,
      serverOptions,
      adapterOptions: { restoreTimeout: 30_000, shutdownTimeout: 20_000 },
    });
    let running = [...cluster.nodes];
    const clients = Array.from({ length: 12 }, () => new RestlessClient(() => running.map(({ url }) => url)));
    await ready(cluster, clients);
    await Promise.all(running.map((node, publisher) => publishOn(node, publisher)));
    const moving = new AbortController();
    const movement = cutOff(clients, moving.signal);
    let published = 0;
    for (const [publisher, old] of [...running.entries()]) {
      const node = await cluster.addNode();
      running.push(node);
      await publishOn(node, 3 + publisher);
      published += await stopPublishing(old);
      // clients still come to the node while it stops, as they do until a balancer has noticed
      await old.close();
      running = running.filter((one) => one !== old);
    }
    for (const node of running) published += await stopPublishing(node);
    moving.abort();
    await movement;
    await settled(clients, published, 20_000);
    const { lost, twice, outOfOrder, differing, notRecovered, returns } = report(clients, published);
    for (const client of clients) client.close();

    expect({ lost, twice, outOfOrder, differing, notRecovered }).toEqual({
      lost: 0,
      twice: 0,
      outOfOrder: 0,
      differing: 0,
      notRecovered: 0,
    });
    expect(published).toBeGreaterThan(300);
    expect(returns).toBeGreaterThan(30);
  });

  for (const middleware of [false, true]) {
    it(`leaves a client its session that comes to a node while it stops (middleware: ${middleware})`, async () => {
      const redis = await startRedis();
      const user = ['ACL', 'SETUSER', 'node', 'on', '>secret', '~*', '&*', '+@all'];
      await redis.command(...user);
      const cluster = await startCluster({
        redisUrl: redis.url,
        redisOptions: { username: 'node', password: 'secret' },
        serverOptions: { connectionStateRecovery: { skipMiddlewares: !middleware } },
        adapterOptions: { shutdownTimeout: 20_000, restoreTimeout: 30_000 },
        setup: (io, ctx) => {
          io.use((_socket, next) => {
            ctx.record('middleware')();
            ctx.state['next'] = next;
            if (ctx.state['stopping'] === undefined) next();
          });
        },
      });
      const [stopping, other] = [cluster.node(0), cluster.node(1)];
      const client = await away(cluster, stopping, { rooms: ['room'] });
      await send(other, 'room', 0, 3);
      await cluster.barrier([await cluster.connect(other)]);
      // what it cannot publish keeps the node from its end
      await redis.command(...user, '-xadd');
      await send(stopping, 'room', 3, 4);
      const connections = recordConnections(client);
      const before = (await stopping.recorded('middleware')).length;
      const attempt = (): void => void client.connect(stopping).catch(() => undefined);
      if (middleware) {
        await stopping.run((_io, ctx) => void (ctx.state['stopping'] = true));
        attempt();
        await stopping.recorded('middleware', before + 1);
      }
      const stopped = stopping.close();
      if (middleware) await stopping.run((_io, ctx) => (ctx.state['next'] as () => void)());
      else attempt();
      await stopping.run((io, ctx) => ctx.waitFor(() => io.engine.clientsCount === 1));
      await redis.command(...user);
      await stopped;
      await client.disconnected();
      await client.connect(other);

      expect(connections).toEqual(middleware ? [true, true] : [true]);
      expect(await client.next('packet', 4)).toEqual(numbers(0, 4));
    });
  }

  it('leaves a client its session that has come to a node just before it stops', async () => {
    const redis = await startRedis();
    const cluster = await startCluster({
      redisUrl: redis.url,
      serverOptions,
      // a session that is still taken is not waited for until it is free by itself
      adapterOptions: { shutdownTimeout: 20_000, restoreTimeout: 8_000 },
    });
    const [stopping, other] = [cluster.node(0), cluster.node(1)];
    const client = await away(cluster, stopping, { rooms: ['room'] });
    await send(other, 'room', 0, 3);
    await cluster.barrier([await cluster.connect(other)]);
    const connections = recordConnections(client);
    // the node is about to take the session when it is told to stop
    await redis.command('CLIENT', 'PAUSE', '100000', 'WRITE');
    void client.connect(stopping).catch(() => undefined);
    await waitFor(async () => (await blocked(redis)).includes('rpush'));
    const stopped = stopping.close();
    await stopping.run(() => undefined);
    await redis.command('CLIENT', 'UNPAUSE');
    await stopped;
    await client.disconnected();
    await client.connect(other);

    expect(connections).toEqual([true]);
    expect(await client.next('packet', 3)).toEqual(numbers(0, 3));
  });
});

describe('the clients of a node that was killed', () => {
  const heartbeats = { heartbeatInterval: 100, heartbeatTimeout: 500 };

  it('recover at another one when sessions are crash-safe', async () => {
    const cluster = await startCluster({ serverOptions, adapterOptions: { ...heartbeats, sessions: 'crash-safe' } });
    const { clients, ids } = await killed(cluster, true);
    await Promise.all(clients.map((client) => client.connect(cluster.node(1))));
    await send(cluster.node(1), 'late', 7, 9);

    expect(clients.map(({ recovered, id }) => [recovered, id])).toEqual(ids.map((id) => [true, id]));
    for (const client of clients) expect(await client.next('packet', 9)).toEqual(numbers(0, 9));
    const rooms = await cluster.node(1).run((io, _ctx, id) => [...io.of('/').sockets.get(id)!.rooms], ids[0]!);
    expect(new Set(rooms)).toEqual(new Set([ids[0], 'early', 'late']));
  });

  it('are not taken for those that left for good', async () => {
    const cluster = await startCluster({ serverOptions, adapterOptions: { ...heartbeats, sessions: 'crash-safe' } });
    const client = await present(cluster, 0, { rooms: ['early'] });
    await send(cluster.node(0), 'early', 0, 1);
    await client.next('packet', 1);
    await roomsSaved(cluster, client, ['early']);
    const key = cluster.sessionKeyPrefix + client.pid!;
    client.close();
    await waitFor(async () => (await cluster.redis.get(key)) === null, { what: 'the session to be removed' });
    await client.connect();

    expect(client.recovered).toBe(false);
  });

  it('have a session at every moment when sessions are crash-safe', async () => {
    const redis = await startRedis();
    const cluster = await startCluster({
      redisUrl: redis.url,
      serverOptions,
      adapterOptions: { sessions: 'crash-safe' },
    });
    const client = await present(cluster, 0);
    await roomsSaved(cluster, client, []);
    await watchCommands(redis);
    for (const node of [1, 0]) {
      await client.drop();
      await client.connect(cluster.node(node));
      expect(client.recovered).toBe(true);
    }
    // the claim of the last one to restore it is given back after that
    await waitFor(async () => (await commandsSince(redis, 'LREM')).length > 1);

    const removed = (await commandsSince(redis, 'DEL')).map(([, key]) => key);
    expect(removed).not.toContain(cluster.sessionKeyPrefix + client.pid!);
  });

  it('cost one write of the session however much changes in it at once, or while it is written', async () => {
    const redis = await startRedis();
    const cluster = await startCluster({
      redisUrl: redis.url,
      nodes: 1,
      serverOptions,
      adapterOptions: { sessions: 'crash-safe', heartbeatInterval: 100_000, heartbeatTimeout: 300_000 },
      setup: (io) => void io.on('connection', (socket) => void socket.join(['a', 'b'])),
    });
    const writes = async (): Promise<number> => (await commandStats(redis, 'set')).calls;
    const client = await cluster.connect(0);
    await roomsSaved(cluster, client, ['a', 'b']);
    expect(await writes()).toBe(1);
    await cluster.node(0).run((io, _ctx, id) => {
      const socket = io.of('/').sockets.get(id)!;
      for (let i = 0; i < 20; i++) void socket.join(`room ${i}`);
      for (let i = 0; i < 19; i++) void socket.leave(`room ${i}`);
      socket.data.name = 'set at last';
    }, client.id);
    await roomsSaved(cluster, client, ['a', 'b', 'room 19']);
    expect(await writes()).toBe(2);
    const stored = decodeSession(await cluster.redis.get(cluster.sessionKeyPrefix + client.pid!));
    expect(stored!.data).toEqual({ name: 'set at last' });
    await redis.command('CLIENT', 'PAUSE', '100000', 'WRITE');
    await cluster.node(0).run(async (io, _ctx, id) => {
      for (let i = 0; i < 20; i++) {
        void io.of('/').sockets.get(id)!.join(`later ${i}`);
        await new Promise(setImmediate);
      }
      io.in(id).socketsLeave(['a', 'b', 'room 19']);
      for (let i = 0; i < 19; i++) void io.of('/').sockets.get(id)!.leave(`later ${i}`);
    }, client.id);
    await redis.command('CLIENT', 'UNPAUSE');
    await roomsSaved(cluster, client, ['later 19']);
    // the first change, what changed until that was written, and what came through the stream
    expect(await writes()).toBeLessThanOrEqual(5);
  });

  it('cost one write each and interval of heartbeats while nothing changes', async () => {
    const redis = await startRedis();
    const cluster = await startCluster({
      redisUrl: redis.url,
      nodes: 1,
      serverOptions,
      adapterOptions: { sessions: 'crash-safe', heartbeatInterval: 200, heartbeatTimeout: 20_000 },
    });
    const clients = await Promise.all(Array.from({ length: 5 }, () => cluster.connect(0)));
    await Promise.all(clients.map((client) => roomsSaved(cluster, client, [])));
    // A node with nothing to do publishes nothing but its heartbeats.
    const heartbeats = async (): Promise<number> => (await commandStats(redis, 'publish')).calls;
    const writes = async (): Promise<number> => (await commandStats(redis, 'set')).calls;
    // In this order: what happens between two questions makes the writes fewer, and the intervals more.
    const heartbeatsBefore = await heartbeats();
    const writesBefore = await writes();
    await waitFor(async () => (await heartbeats()) >= heartbeatsBefore + 10);
    const perInterval = ((await writes()) - writesBefore) / ((await heartbeats()) - heartbeatsBefore);
    expect(perInterval).toBeGreaterThan(0);
    // and one of each for what is under way at the beginning
    expect(perInterval).toBeLessThan(clients.length * 1.3);
  });

  it('start afresh when they are not', async () => {
    const cluster = await startCluster({ serverOptions, adapterOptions: heartbeats });
    const { clients } = await killed(cluster, false);
    await Promise.all(clients.map((client) => client.connect(cluster.node(1))));

    expect(clients.map(({ recovered }) => recovered)).toEqual(clients.map(() => false));
  });

  /** Clients of node 0, which is killed between two packets for them. */
  async function killed(cluster: Cluster, crashSafe: boolean): Promise<{ clients: TestClient[]; ids: string[] }> {
    const witness = await present(cluster, 1, { rooms: ['late'] });
    const clients = await Promise.all(
      Array.from({ length: 5 }, () => present(cluster, 0, { rooms: ['gone', 'early'] })),
    );
    const ids = clients.map(({ id }) => id);
    await send(cluster.node(1), 'early', 0, 3);
    await Promise.all(clients.map((client) => client.next('packet', 3)));
    await cluster.node(0).run((io) => {
      io.in('early').socketsJoin('late');
      io.in('early').socketsLeave('gone');
    });
    await send(cluster.node(0), 'late', 3, 5);
    await Promise.all(clients.map((client) => client.next('packet', 5)));
    if (crashSafe) await Promise.all(clients.map((client) => roomsSaved(cluster, client, ['early', 'late'])));
    cluster.node(0).kill('SIGKILL');
    await cluster.node(0).exited;
    await Promise.all(clients.map((client) => client.disconnected()));
    await send(cluster.node(1), 'late', 5, 7);
    await witness.next('packet', 4);
    return { clients, ids };
  }
});

/** Waits until the client's session in Redis has these rooms, besides its own. */
async function roomsSaved(cluster: Cluster, client: TestClient, expected: string[]): Promise<void> {
  await waitFor(async () => {
    const rooms = decodeSession(await cluster.redis.get(cluster.sessionKeyPrefix + client.pid!))?.rooms;
    return rooms?.filter((room) => room !== client.id).join() === expected.join();
  });
}

/** The commands that connections wait for. See https://redis.io/docs/latest/commands/client-list/ */
async function blocked(redis: RedisServer): Promise<string[]> {
  const rows = String(await redis.command('CLIENT', 'LIST')).split('\n');
  return rows.filter((row) => / flags=\w*b/.test(row)).map((row) => / cmd=(\S+)/.exec(row)![1]!);
}

function recordConnections(client: TestClient): boolean[] {
  const connections: boolean[] = [];
  client.socket.on('connect', () => connections.push(client.recovered));
  return connections;
}

async function publishOn(node: ServerNode, publisher: number): Promise<void> {
  await node.run((io, ctx, me) => {
    let n = 0;
    const timer = setInterval(() => void io.to('fire').emit('packet', me, n++), 4);
    ctx.state['stopPublishing'] = () => {
      clearInterval(timer);
      return n;
    };
  }, publisher);
}

/** @returns how many packets the node has published. */
function stopPublishing(node: ServerNode): Promise<number> {
  return node.run((_io, ctx) => (ctx.state['stopPublishing'] as () => number)());
}
