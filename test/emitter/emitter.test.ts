import { createClient, type RedisClientType } from 'redis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createEmitter, type Emitter, type EmitterOptions } from '../../src/adapter/index.js';
import { freePort } from '../../src/testing/free-port.js';
import { byPosition } from '../conformance/sessions.js';
import { startCluster, startRedis, useCluster, waitFor, type Cluster, type TestClient } from '../harness/index.js';

/** An emitter for the nodes of the cluster; it is closed with the test. */
function emitterOf(cluster: Cluster, options: EmitterOptions = {}): Emitter {
  const emitter = createEmitter(createClient({ url: cluster.redisUrl, name: `${cluster.prefix}-emitter` }), {
    streamName: cluster.streamName,
    ...options,
  });
  onTestFinished(() => emitter.close());
  return emitter;
}

/** How often a connection of the emitter is in Redis' list. */
async function connectionsOf(cluster: Cluster, redis: RedisClientType = cluster.redis): Promise<number> {
  const list = (await redis.sendCommand(['CLIENT', 'LIST'])) as unknown as string;
  return list.split('\n').filter((line) => line.includes(` name=${cluster.prefix}-emitter `)).length;
}

const recovery = { connectionStateRecovery: {} };

describe.each([
  ['nodes that recover sessions', { adapter: 'ours', serverOptions: recovery }, {}],
  ['nodes that do not', { adapter: 'ours' }, {}],
  ['nodes of @socket.io/redis-streams-adapter', { adapter: 'peer', serverOptions: recovery }, { interop: true }],
] as const)('An emitter, with %s', (_name, options, emitterOptions) => {
  const cluster = useCluster({ ...options, nodes: 2 });

  async function clients(): Promise<[near: TestClient, far: TestClient]> {
    const [near, far] = await cluster().connectEach();
    await cluster().join(near!, 'left', 'both');
    await cluster().join(far!, 'right', 'both');
    return [near!, far!];
  }

  it('reaches the clients of every node', async () => {
    const [near, far] = await clients();
    const emitter = emitterOf(cluster(), emitterOptions);
    await emitter.emit('hello', 'world', { n: 1 }, Buffer.from('bytes'));
    const expected = [['world', { n: 1 }, Buffer.from('bytes')]];

    expect(await near.next('hello')).toEqual(expected);
    expect(await far.next('hello')).toEqual(expected);
  });

  it('chooses rooms: union of `to` and `in`, without those of `except`, each socket once', async () => {
    const [near, far] = await clients();
    const emitter = emitterOf(cluster(), emitterOptions);
    await emitter.to('left').emit('x', 'left');
    await emitter.to(['left', 'both']).in('right').emit('x', 'all');
    await emitter.except('left').emit('x', 'not left');
    await emitter.to('both').except(['right', 'nobody']).emit('x', 'not right');
    await cluster().barrier();

    expect(near.received('x')).toEqual([['left'], ['all'], ['not right']]);
    expect(far.received('x')).toEqual([['all'], ['not left']]);
  });

  it('leaves what it was chained from as it was', async () => {
    const [near, far] = await clients();
    const base = emitterOf(cluster(), emitterOptions).to('left');
    base.to('right');
    base.except('left');
    await base.volatile.compress(false).emit('x', 1);
    await base.emit('x', 2);
    await cluster().barrier();

    expect(near.received('x')).toEqual([[1], [2]]);
    expect(far.received('x')).toEqual([]);
  });

  it('emits to another namespace, with or without a slash', async () => {
    await Promise.all(cluster().nodes.map((node) => node.run((io) => void io.of('/news'))));
    const [near, far] = await cluster().connectEach({ namespace: '/news' });
    const elsewhere = await cluster().connect(0);
    const emitter = emitterOf(cluster(), emitterOptions);
    await emitter.of('news').emit('x', 1);
    await emitter.of('/news').emit('x', 2);

    expect(await near!.next('x', 2)).toEqual([[1], [2]]);
    expect(await far!.next('x', 2)).toEqual([[1], [2]]);
    expect(elsewhere.received('x')).toEqual([]);
  });

  it('keeps the order of its operations', async () => {
    const [near, far] = await clients();
    const emitter = emitterOf(cluster(), emitterOptions);
    const done: Promise<string>[] = [];
    for (let i = 0; i < 200; i++) {
      done.push(
        emitter.in('both').socketsJoin(`room-${i}`),
        emitter.to(`room-${i}`).emit('x', i),
        emitter.in('both').socketsLeave([`room-${i}`]),
        emitter.to(`room-${i}`).emit('x', 'too late'),
      );
    }
    const ids = await Promise.all(done);
    await cluster().barrier();

    const expected = Array.from({ length: 200 }, (_, i) => [i]);
    expect(near.received('x')).toEqual(expected);
    expect(far.received('x')).toEqual(expected);
    expect([...ids].sort(byPosition)).toEqual(ids);
  });

  it('disconnects sockets, after what was emitted before', async () => {
    const [near, far] = await clients();
    const emitter = emitterOf(cluster(), emitterOptions);
    void emitter.emit('x', 'the last');
    await emitter.in('left').disconnectSockets(true);

    expect(await near.disconnected()).toBe('io server disconnect');
    expect(near.received('x')).toEqual([['the last']]);
    expect(far.socket.connected).toBe(true);
  });

  it('raises an event on every node, once', async () => {
    await Promise.all(
      cluster().nodes.map((node) => node.run((io, ctx) => void io.on('refresh', ctx.record('refresh')))),
    );
    const emitter = emitterOf(cluster(), emitterOptions);
    await emitter.serverSideEmit('refresh', 'prices', 1);
    for (const node of cluster().nodes) await node.recorded('refresh', 1);
    await cluster().connectEach();
    await cluster().barrier();

    for (const node of cluster().nodes) expect(await node.recorded('refresh')).toEqual([['prices', 1]]);
  });

  it('resolves with the id of the entry in the stream', async () => {
    const id = await emitterOf(cluster(), emitterOptions).emit('hello');
    const [entry] = (await cluster().redis.xRange(cluster().streamName, id, id)) ?? [];

    expect(entry!.message).toMatchObject({ uid: 'emitter', nsp: '/' });
  });

  it('is not a node', async () => {
    await cluster().connectEach();
    const emitter = emitterOf(cluster(), emitterOptions);
    await emitter.emit('hello');
    await cluster().barrier();
    const counts = await cluster()
      .node(0)
      .run(async (io) => [await io.of('/').adapter.serverCount(), (await io.fetchSockets()).length]);

    expect(counts).toEqual([2, 2]);
    expect(await connectionsOf(cluster())).toBe(1);
  });
});

describe('An emitter', () => {
  const cluster = useCluster({ nodes: 2, serverOptions: recovery });

  it('reaches a client that was away', async () => {
    const client = await cluster().connect(0);
    const emitter = emitterOf(cluster());
    const first = await emitter.emit('x', 'before');
    await client.next('x');
    await client.drop();
    await cluster().sessionSaved(client);
    const second = await emitter.emit('x', 'meanwhile');
    await emitter.volatile.emit('x', 'lost');
    await client.connect(cluster().node(1));
    const third = await emitter.emit('x', 'after');

    expect(await client.next('x', 3)).toEqual([['before'], ['meanwhile'], ['after']]);
    expect(client.recovered).toBe(true);
    expect(client.offsets('x')).toEqual([first, second, third]);
  });

  it('spreads namespaces over streams as the nodes do', async () => {
    const spread = { streamCount: 5 };
    const own = await startCluster({
      adapterOptions: spread,
      setup: (io) => ['/a', '/b', '/c', '/d'].forEach((name) => io.of(name)),
    });
    const emitter = emitterOf(own, spread);
    const streams = new Set<string>();
    for (const namespace of ['/a', '/b', '/c', '/d']) {
      const client = await own.connect(0, { namespace });
      await emitter.of(namespace).emit('x', namespace);
      expect(await client.next('x')).toEqual([[namespace]]);
      for (const key of await own.redis.keys(`${own.streamName}-*`)) streams.add(key);
    }
    expect(streams.size).toBeGreaterThan(1);
  });

  it('spreads rooms over streams as the nodes do', async () => {
    const spread = { streamCount: 3, streamBy: 'room' } as const;
    const own = await startCluster({ nodes: 1, adapterOptions: spread });
    const emitter = emitterOf(own, spread);
    const client = await own.connect(0);
    const rooms = Array.from({ length: 6 }, (_, n) => `room-${n}`);
    await emitter.in(client.id).socketsJoin(rooms);
    await own.node(0).run(
      (io, _ctx, id) =>
        io
          .in(id)
          .fetchSockets()
          .then(() => undefined),
      client.id,
    );
    for (const room of rooms) for (const n of [1, 2, 3]) void emitter.to(room).emit('x', room, n);
    const packets = await client.next('x', 18);

    for (const room of rooms) {
      expect(packets.filter(([name]) => name === room).map(([, n]) => n)).toEqual([1, 2, 3]);
    }
    expect((await own.redis.keys(`${own.streamName}-*`)).length).toBe(3);
  });

  it('reaches the Servers of its scope alone', async () => {
    const own = await startCluster({ nodes: 1 });
    const [main, admin] = [
      await own.connect(0),
      await own.connect(await own.addNode({ serverOptions: { path: '/admin' } }), { path: '/admin' }),
    ];
    const [toAdmin, toMain] = [emitterOf(own, { scope: '/admin' }), emitterOf(own)];
    await toAdmin.emit('x', 'to admins');
    await toMain.emit('x', 'to all others');
    await Promise.all([toAdmin.emit('end'), toMain.emit('end'), admin.next('end'), main.next('end')]);

    expect(admin.received('x')).toEqual([['to admins']]);
    expect(main.received('x')).toEqual([['to all others']]);
  });

  it('throws at once what is wrong with the call', () => {
    const emitter = emitterOf(cluster());

    expect(() => emitter.emit('disconnect')).toThrow("Cannot emit 'disconnect': Socket.IO reserves the name");
    expect(() => emitter.emit('x', () => undefined)).toThrow('An emitter cannot be given an acknowledgement');
    expect(() => emitter.serverSideEmit('connection', {})).toThrow(
      "Cannot emit 'connection': Socket.IO reserves the name",
    );
    expect(() => emitter.serverSideEmit('x', () => undefined)).toThrow('An emitter cannot be given an acknowledgement');
    expect(() => emitter.emit('x', 1n)).toThrow('The arguments of emit() cannot be serialised');
    expect(() => emitter.serverSideEmit('x', { when: () => 0 })).toThrow(
      'a function cannot be serialised (at `[1].when`)',
    );
  });

  it('refuses a wrong option', () => {
    expect(() => emitterOf(cluster(), { maxLenn: 5 } as object)).toThrow('Did you mean `maxLen`?');
  });

  it('has no connection before it is used, and none after it is closed; the client given stays as it is', async () => {
    const client = createClient({ url: cluster().redisUrl, name: `${cluster().prefix}-emitter` });
    await client.connect();
    onTestFinished(() => client.destroy());
    const emitter = createEmitter(client, { streamName: cluster().streamName });
    const before = await connectionsOf(cluster());
    const receiver = await cluster().connect(0);
    const emitted = [emitter.emit('x', 1), emitter.emit('x', 2)];
    await emitter.close();
    await emitter.close();

    expect(await Promise.all(emitted)).toHaveLength(2);
    expect(await receiver.next('x', 2)).toEqual([[1], [2]]);
    expect(before).toBe(1);
    await waitFor(async () => (await connectionsOf(cluster())) === 1, { what: 'the connection of the emitter to end' });
    expect(client.isReady).toBe(true);
    await expect(emitter.emit('x')).rejects.toMatchObject({ name: 'AdapterClosedError' });
  });

  it('opens none once it is closed, used or not', async () => {
    await waitFor(async () => (await connectionsOf(cluster())) === 0, { what: 'earlier connections to end' });
    const emitter = emitterOf(cluster());
    await emitter.close();
    await expect(emitter.ready()).rejects.toMatchObject({ name: 'AdapterClosedError' });
    expect(await connectionsOf(cluster())).toBe(0);
  });
});

describe('While Redis is away, an emitter', () => {
  it('keeps what it emits, in order, and nothing of it comes twice', async () => {
    const redis = await startRedis({ appendOnly: true });
    const own = await startCluster({ redisUrl: redis.url, serverOptions: recovery });
    const [near, far] = await own.connectEach();
    const emitter = emitterOf(own);
    await emitter.emit('x', 0);
    const told: string[] = [];
    emitter.events.on('connectionLost', ({ role }) => told.push(`lost ${role}`));
    emitter.events.on('connectionReady', ({ role }) => told.push(`ready ${role}`));
    const emitted: Promise<string>[] = [];
    let n = 1;
    const traffic = setInterval(() => emitted.push(emitter.emit('x', n++)), 1);
    await waitFor(() => n > 50);
    await redis.kill();
    await waitFor(() => n > 200);
    expect(told).toEqual(['lost writer']);
    await redis.restart();
    await waitFor(() => told.includes('ready writer'), { deadline: 15_000 });
    await waitFor(() => n > 400);
    clearInterval(traffic);
    const ids = await Promise.all(emitted);

    expect([...ids].sort(byPosition)).toEqual(ids);
    const expected = Array.from({ length: n }, (_, i) => [i]);
    expect(await near!.next('x', n, { deadline: 15_000 })).toEqual(expected);
    expect(await far!.next('x', n, { deadline: 15_000 })).toEqual(expected);
  });

  it('refuses what finds no room, says so once, and harms nobody who does not wait', async () => {
    const redis = await startRedis();
    const own = await startCluster({ redisUrl: redis.url });
    const emitter = emitterOf(own, { outboxMaxLen: 10 });
    await emitter.emit('x');
    const told: unknown[] = [];
    emitter.events.on('outboxOverflow', (event) => told.push(event));
    emitter.events.on('messageDropped', (event) => told.push(event));
    await redis.pause();
    const emitted = Array.from({ length: 10 }, (_, i) => emitter.emit('x', i));
    const refused = emitter.emit('x', 'one too many');
    void emitter.emit('x', 'another, for which nobody waits');
    await expect(refused).rejects.toMatchObject({ name: 'OutboxFullError', limit: 'outboxMaxLen' });

    expect(told).toEqual([
      { reason: 'outbox full (outboxMaxLen)', count: 1 },
      { waiting: 10, limit: 'outboxMaxLen' },
    ]);
    await redis.resume();
    expect(await Promise.all(emitted)).toHaveLength(10);
  });

  it('says why Redis refuses what it emits, which waits', async () => {
    const redis = await startRedis();
    const own = await startCluster({ redisUrl: redis.url });
    const emitter = emitterOf(own);
    await emitter.emit('x');
    const told: unknown[] = [];
    emitter.events.on('commandRefused', (event) => told.push(event));
    await redis.command('ACL', 'SETUSER', 'default', '-xadd');
    const emitted = emitter.emit('x', 'waits');
    await waitFor(() => told.length > 0, { what: 'the refusal to be told' });
    await redis.command('ACL', 'SETUSER', 'default', '+xadd');

    expect(await emitted).toMatch(/^\d+-\d+$/);
    const reason = expect.stringMatching(/^NOPERM this user has no permissions to run the 'xadd' command/) as string;
    expect(told).toEqual([{ command: 'XADD', reason, count: 1 }]);
  });

  it('is closed in time, and rejects what is still in the outbox', async () => {
    const redis = await startRedis();
    const own = await startCluster({ redisUrl: redis.url });
    const emitter = emitterOf(own, { shutdownTimeout: 200 });
    await emitter.emit('x');
    await redis.kill();
    const emitted = emitter.emit('x');
    const start = performance.now();
    await emitter.close();

    expect(performance.now() - start).toBeLessThan(4_500);
    await expect(emitted).rejects.toMatchObject({ name: 'AdapterClosedError' });
  });

  it('says who wants to know that Redis is not there', async () => {
    const port = await freePort();
    const emitter = createEmitter(createClient({ url: `redis://user:s3cr3t@127.0.0.1:${port}` }), {
      readyTimeout: 2_000,
    });
    onTestFinished(() => emitter.close());
    const error = await emitter.ready().catch((reason: Error) => reason);

    expect(error).toMatchObject({ name: 'RedisUnavailableError' });
    expect((error as Error).message).toContain(
      `The emitter could not connect to Redis at 127.0.0.1:${port} within 2000 ms: connect ECONNREFUSED`,
    );
    expect((error as Error).message).not.toContain('s3cr3t');
  });
});
