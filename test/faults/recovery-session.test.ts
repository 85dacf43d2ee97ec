import { describe, expect, it, onTestFinished } from 'vitest';
import { startCluster, startRedis, useCluster, waitFor, type TestClient } from '../harness/index.js';
import { away, claimOf, heir, numbers, present, send } from './support/away.js';
import { commandStats } from './support/command-stats.js';

const serverOptions = { connectionStateRecovery: {} };

describe('a session', () => {
  const cluster = useCluster({
    serverOptions,
    setup: (io, ctx) => {
      io.of('/admin');
      const { events } = ctx.adapterFactory as unknown as { events: NodeJS.EventEmitter };
      events.on('sessionNotSaved', ctx.record('sessionNotSaved'));
    },
  });

  it('presented in another namespace makes a fresh connection, and is there for its client afterwards', async () => {
    const client = await away(cluster(), 0, { rooms: ['room'] });
    for (const node of cluster().nodes) {
      const impostor = await heir(cluster(), claimOf(client), { namespace: '/admin' }).connect(node);
      expect(impostor.recovered).toBe(false);
    }
    await send(cluster().node(0), 'room', 0, 3);
    await client.connect(cluster().node(1));

    expect(client.recovered).toBe(true);
    expect(await client.next('packet', 3)).toEqual(numbers(0, 3));
  });

  it('presented on a server of another path makes a fresh connection, and is there for its client afterwards', async () => {
    const client = await away(cluster(), 0, { rooms: ['room'] });
    const url = await cluster()
      .node(1)
      .run(async (_io, ctx) => {
        const { io, url } = await ctx.createServer({ path: '/elsewhere', connectionStateRecovery: {} });
        await (io.of('/').adapter as unknown as { ready(): Promise<void> }).ready();
        return url;
      });
    const impostor = await heir(cluster(), claimOf(client), { path: '/elsewhere' }).connect(url);
    expect(impostor.recovered).toBe(false);
    await client.connect(cluster().node(1));

    expect(client.recovered).toBe(true);
  });

  it('presented twice at once on two nodes is used by one client', async () => {
    for (let round = 0; round < 10; round += 1) {
      const lost = await present(cluster(), round % 2, { rooms: ['room'] });
      const { id } = lost;
      await lost.drop();
      await cluster().sessionSaved(lost);
      await send(cluster().node(0), 'room', 0, 3);
      const twins = cluster().nodes.map(() => heir(cluster(), claimOf(lost)));
      await Promise.all(twins.map((twin, i) => twin.connect(cluster().node(i))));
      // the one that was first may have had to make way
      const owners = (): TestClient[] => twins.filter(({ socket, recovered }) => socket.connected && recovered);
      await waitFor(() => owners().length === 1, { what: () => `one of two to recover; ${owners().length} did` });
      await send(cluster().node(1), 'room', 3, 5);
      await cluster().barrier();

      expect(owners().map((owner) => [owner.id, owner.received('packet')])).toEqual([[id, numbers(0, 5)]]);
      const sockets = await cluster()
        .node(0)
        .run(async (io) => (await io.fetchSockets()).map((socket) => socket.id));
      expect(sockets.filter((one) => one === id)).toHaveLength(1);
      cluster().closeClients();
    }
  });

  it('is taken over from a connection that its node takes for alive', async () => {
    for (const node of cluster().nodes) {
      const ghost = await present(cluster(), 0, { rooms: ['room'] });
      const { id } = ghost;
      const client = heir(cluster(), claimOf(ghost));
      await send(cluster().node(1), 'room', 0, 3);
      await ghost.next('packet', 3);
      await client.connect(node);
      await ghost.disconnected();
      await send(cluster().node(0), 'room', 3, 5);

      expect(client).toMatchObject({ recovered: true, id });
      expect(await client.next('packet', 5)).toEqual(numbers(0, 5));
      expect(ghost.received('packet')).toEqual(numbers(0, 3));
      cluster().closeClients();
    }
  });

  it('goes to the connection that came last when another node has just restored it', async () => {
    const redis = await startRedis();
    const user = ['ACL', 'SETUSER', 'slow', 'on', '>secret', '~*', '&*', '+@all'];
    await redis.command(...user);
    const slow = { redisOptions: { username: 'slow', password: 'secret' } };
    const cluster = await startCluster({ redisUrl: redis.url, serverOptions, nodes: [slow, {}] });
    const lost = await away(cluster, 1, { rooms: ['room'] });
    const claim = claimOf(lost);
    // takes the session, and cannot read it
    await redis.command(...user, '-get');
    const first = heir(cluster, claim).connect(cluster.node(0));
    await waitFor(async () => (await cluster.redis.keys(`${cluster.sessionKeyPrefix}*:claim`)).length === 1);
    const last = heir(cluster, claim);
    const returned = last.connect(cluster.node(1));
    await cluster.node(1).run((io, ctx) => ctx.waitFor(() => io.engine.clientsCount === 1));
    await redis.command(...user);
    await (await first).disconnected();
    await returned;
    await send(cluster.node(0), 'room', 0, 3);

    expect(last.recovered).toBe(true);
    expect(await last.next('packet', 3)).toEqual(numbers(0, 3));
  });

  it('is not given up while the node that has it connects to Redis again', async () => {
    const redis = await startRedis();
    const user = ['ACL', 'SETUSER', 'deaf', 'on', '>secret', '~*', '&*', '+@all'];
    await redis.command(...user);
    const deaf = { redisOptions: { username: 'deaf', password: 'secret' } };
    const cluster = await startCluster({
      redisUrl: redis.url,
      serverOptions,
      // nothing is published but what nodes ask of each other
      adapterOptions: { heartbeatInterval: 60_000, heartbeatTimeout: 120_000 },
      nodes: [deaf, {}],
    });
    // the session is nowhere but at the node, which takes the client for connected
    const ghost = await present(cluster, 0, { rooms: ['room'] });
    await redis.command(...user, '-subscribe');
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub', 'USER', 'deaf');
    const published = async (): Promise<number> => (await commandStats(redis, 'publish')).calls;
    const before = await published();
    const client = heir(cluster, claimOf(ghost));
    const returned = client.connect(cluster.node(1));
    await waitFor(async () => (await published()) > before);
    await redis.command(...user);
    await returned;
    await send(cluster.node(1), 'room', 0, 3);

    expect(client.recovered).toBe(true);
    expect(await client.next('packet', 3)).toEqual(numbers(0, 3));
  });

  it('is waited for while its old node cannot write it yet', async () => {
    const redis = await startRedis();
    const user = ['ACL', 'SETUSER', 'slow', 'on', '>secret', '~*', '&*', '+@all'];
    await redis.command(...user);
    const slow = { redisOptions: { username: 'slow', password: 'secret' } };
    const cluster = await startCluster({
      redisUrl: redis.url,
      serverOptions,
      // nothing goes to all nodes but the question who has the session
      adapterOptions: { heartbeatInterval: 60_000, heartbeatTimeout: 120_000, restoreTimeout: 30_000 },
      nodes: [slow, {}],
    });
    let questions = 0;
    const listener = cluster.redis.duplicate();
    onTestFinished(() => listener.destroy());
    await listener.connect();
    await listener.subscribe(`${cluster.prefix}#@cluster#`, () => void questions++);
    const client = await present(cluster, 0, { rooms: ['room'] });
    await redis.command(...user, '-set');
    await client.drop();
    await send(cluster.node(1), 'room', 0, 3);
    const returned = client.connect(cluster.node(1));
    // one a second: longer than a node is waited for that says nothing
    await waitFor(() => questions > 5, { deadline: 15_000 });
    expect(client.socket.connected).toBe(false);
    await redis.command(...user);
    await returned;
    await send(cluster.node(0), 'room', 3, 5);

    expect(client.recovered).toBe(true);
    expect(await client.next('packet', 5)).toEqual(numbers(0, 5));
  });

  it('is restored by a node that has fallen behind once it has caught up', async () => {
    const redis = await startRedis();
    const user = ['ACL', 'SETUSER', 'slow', 'on', '>secret', '~*', '&*', '+@all'];
    await redis.command(...user);
    const slow = { redisOptions: { username: 'slow', password: 'secret' } };
    const behind = await startCluster({ redisUrl: redis.url, serverOptions, nodes: [{}, slow] });
    const client = await present(behind, 0, { rooms: ['room'] });
    const witness = await present(behind, 1, { rooms: ['room'] });
    await redis.command(...user, '-xread');
    // what its last XREAD waited for is the last that it gets
    await send(behind.node(0), 'room', 0, 1);
    await witness.next('packet');
    await send(behind.node(0), 'room', 1, 10);
    await client.next('packet', 10);
    await client.drop();
    await send(behind.node(0), 'room', 10, 15);
    const returned = client.connect(behind.node(1));
    await behind.node(1).run((io, ctx) => ctx.waitFor(() => io.engine.clientsCount === 2));
    expect(witness.received('packet')).toEqual(numbers(0, 1));
    await redis.command(...user);
    await returned;
    await send(behind.node(0), 'room', 15, 20);

    expect(client.recovered).toBe(true);
    expect(await client.next('packet', 20)).toEqual(numbers(0, 20));
    expect(await witness.next('packet', 20)).toEqual(numbers(0, 20));
  });

  it('with a malformed or impossible offset makes a fresh connection, and is there for its client afterwards', async () => {
    const client = await away(cluster(), 0, { rooms: ['room'] });
    const { pid, offset } = claimOf(client);
    const impossible = [
      '',
      '-',
      '+',
      '$',
      '(1-1',
      '1-1 ',
      `${offset}-0`,
      '0x1-0',
      '01-0',
      '1e3-0',
      '-1-0',
      '9'.repeat(99),
    ];
    for (const wrong of [...impossible, '18446744073709551615-18446744073709551615']) {
      const impostor = await heir(cluster(), { pid, offset: wrong }).connect(cluster().node(1));
      expect([wrong, impostor.recovered]).toEqual([wrong, false]);
    }
    await send(cluster().node(0), 'room', 0, 3);
    await client.connect(cluster().node(1));

    expect(client.recovered).toBe(true);
    expect(await client.next('packet', 3)).toEqual(numbers(0, 3));
    expect(cluster().node(1).stderr).toBe('');
  });

  it('that is none in Redis makes a fresh connection, and nobody has to wait for it', async () => {
    for (const value of [
      '',
      'garbage',
      Buffer.from([0xc1]).toString('base64'),
      Buffer.from([0x80]).toString('base64'),
    ]) {
      const client = await away(cluster(), 0);
      const key = await cluster().sessionSaved(client);
      await cluster().redis.set(key, value);
      await client.connect(cluster().node(1));
      expect(client.recovered).toBe(false);
      // sooner than it would be free by itself
      await waitFor(async () => (await cluster().redis.exists(`${key}:claim`)) === 0, { deadline: 8_000 });
    }
    expect(cluster().node(1).stderr).toBe('');
  });

  it('whose data cannot be written makes a fresh connection, which is told once, and harms nobody', async () => {
    for (const value of ['1n', '{ get self() { return this } }', '1n']) {
      const client = await present(cluster(), 0);
      await cluster()
        .node(0)
        .run(
          (io, ctx, id, source) => void (io.of('/').sockets.get(id)!.data.value = ctx.evaluate(source)),
          client.id,
          value,
        );
      await client.drop();
      await client.connect(cluster().node(1));
      expect(client.recovered).toBe(false);
    }
    const unsaved = await cluster().node(0).recorded('sessionNotSaved', 2);
    expect(unsaved).toEqual([
      [{ reason: expect.stringMatching(/^namespace '\/': `socket.data` cannot be written: .*BigInt/), count: 1 }],
      [{ reason: expect.stringMatching(/^namespace '\/': `socket.data` cannot be written: .*itself/), count: 1 }],
    ]);
    const other = await away(cluster(), 0);
    await other.connect(cluster().node(1));

    expect(other.recovered).toBe(true);
  });

  it('whose data cannot be written any more makes a fresh connection, also when it was kept for the case of a crash before', async () => {
    const crashSafe = await startCluster({ serverOptions, adapterOptions: { sessions: 'crash-safe' } });
    for (const node of crashSafe.nodes) {
      const client = await present(crashSafe, 0, { rooms: ['early'] });
      const key = await crashSafe.sessionSaved(client);
      await crashSafe.node(0).run(async (io, _ctx, id) => {
        const socket = io.of('/').sockets.get(id)!;
        socket.data.balance = 10n;
        await socket.join('late');
      }, client.id);
      await client.drop();
      await send(crashSafe.node(1), 'late', 0, 3);
      await client.connect(node);

      expect(client.recovered).toBe(false);
      // sooner than it would be free by itself
      await waitFor(async () => (await crashSafe.redis.exists([key, `${key}:claim`])) === 0, { deadline: 8_000 });
    }
  });
});

describe('a client that could not come back', () => {
  it('comes back when Redis lets the node read the stream again', async () => {
    const redis = await startRedis();
    const user = ['ACL', 'SETUSER', 'node', 'on', '>secret', '~*', '&*', '+@all'];
    await redis.command(...user);
    const cluster = await startCluster({
      redisUrl: redis.url,
      nodes: 1,
      serverOptions,
      redisOptions: { username: 'node', password: 'secret' },
      adapterOptions: { recentMaxBytes: 0, restoreTimeout: 5_000 },
    });
    const client = await away(cluster, 0, { rooms: ['room'] });
    const claim = claimOf(client);
    await send(cluster.node(0), 'room', 0, 3);
    await redis.command(...user, '-xrange');
    const refused = await heir(cluster, claim).connect(cluster.node(0));
    expect(refused.recovered).toBe(false);
    await send(cluster.node(0), 'room', 3, 5);
    await redis.command(...user);
    const second = await heir(cluster, claim).connect(cluster.node(0));
    await send(cluster.node(0), 'room', 5, 6);

    expect(second.recovered).toBe(true);
    expect(await second.next('packet', 6)).toEqual(numbers(0, 6));
    expect(refused.received('packet')).toEqual([]);
  });

  it('comes back when Redis dies while what it missed is looked up', async () => {
    const redis = await startRedis({ appendOnly: true });
    const cluster = await startCluster({
      redisUrl: redis.url,
      serverOptions,
      adapterOptions: { recentMaxBytes: 0, restoreTimeout: 30_000 },
    });
    const clients = await Promise.all(Array.from({ length: 10 }, (_, i) => away(cluster, i % 2, { rooms: ['room'] })));
    await send(cluster.node(0), 'room', 0, 1_200);
    await cluster.barrier([await cluster.connect(1)]);
    const returns = clients.map((client, i) => client.connect(cluster.node(i % 2)));
    await Promise.race(returns);
    await redis.kill();
    await redis.restart();
    await Promise.all(returns);
    await send(cluster.node(0), 'room', 1_200, 1_210);
    await Promise.all(clients.map((client) => client.next('packet', 1_210, { deadline: 20_000 })));

    expect(clients.filter(({ recovered }) => !recovered)).toHaveLength(0);
    for (const client of clients) expect(client.received('packet')).toEqual(numbers(0, 1_210));
  });

  it('comes back when a middleware lets it in at last', async () => {
    const cluster = await startCluster({
      serverOptions: { connectionStateRecovery: { skipMiddlewares: false } },
      // a session that is still taken is not waited for until it is free by itself
      adapterOptions: { restoreTimeout: 3_000 },
      setup: (io, ctx) => {
        io.use(
          (_socket, next) => void setTimeout(() => next(ctx.state['closed'] ? new Error('not now') : undefined), 5),
        );
      },
    });
    const close = (closed: boolean): Promise<unknown> =>
      Promise.all(
        cluster.nodes.map((node) => node.run((_io, ctx, value) => void (ctx.state['closed'] = value), closed)),
      );
    const witness = await present(cluster, 1, { rooms: ['room'] });
    const client = await away(cluster, 0, { rooms: ['room'] });
    await send(cluster.node(0), 'room', 0, 3);
    await close(true);
    for (const [attempt, node] of [0, 1, 1].entries()) {
      await expect(client.connect(cluster.node(node))).rejects.toThrow('not now');
      await send(cluster.node(0), 'room', 3 + attempt, 4 + attempt);
      await witness.next('packet', 4 + attempt);
    }
    await close(false);
    await client.connect(cluster.node(0));
    await send(cluster.node(1), 'room', 6, 7);

    expect(client.recovered).toBe(true);
    expect(await client.next('packet', 7)).toEqual(numbers(0, 7));
  });
});
