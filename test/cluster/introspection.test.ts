import { createClient } from 'redis';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AdapterFactory } from '../../src/adapter/index.js';
import {
  startCluster,
  startRedis,
  useCluster,
  type Cluster,
  type NodeFunction,
  type ServerNode,
} from '../harness/index.js';

const recovery = { connectionStateRecovery: {} };

const nodes: NodeFunction<[timeout?: number], ReturnType<ReturnType<AdapterFactory['cluster']>['nodes']>> = (
  io,
  ctx,
  timeout = 5_000,
) => (ctx.adapterFactory as unknown as AdapterFactory).cluster(io).nodes({ timeout });

const count: NodeFunction<
  [rooms?: string | string[], namespace?: string, timeout?: number],
  ReturnType<ReturnType<AdapterFactory['cluster']>['count']>
> = (io, ctx, rooms = [], namespace = '/', timeout = 5_000) =>
  (ctx.adapterFactory as unknown as AdapterFactory).cluster(io).count(rooms, { namespace, timeout });

const self: NodeFunction<[], ReturnType<ReturnType<AdapterFactory['cluster']>['self']>> = (io, ctx) =>
  (ctx.adapterFactory as unknown as AdapterFactory).cluster(io).self();

const uidOf = (node: ServerNode): Promise<string> =>
  node.run((io) => (io.of('/').adapter as unknown as { uid: string }).uid);

/** Everything that goes over channel and stream from now on, until it is asked for. */
async function listen(cluster: Cluster): Promise<() => Promise<string>> {
  const subscriber = createClient({ url: cluster.redisUrl });
  await subscriber.connect();
  onTestFinished(() => subscriber.destroy());
  const heard: string[] = [];
  await subscriber.pSubscribe(`${cluster.prefix}*`, (message) => heard.push(message));
  return async () => {
    const entries = await cluster.redis.sendCommand(['XRANGE', cluster.streamName, '-', '+']);
    return heard.join('\n') + JSON.stringify(entries);
  };
}

describe('The nodes of a cluster', () => {
  // One that is frozen for as long as it is waited for is not lost.
  const cluster = useCluster({ nodes: 3, serverOptions: recovery, adapterOptions: { heartbeatTimeout: 60_000 } });

  it('are told with their namespaces and how many sockets each has', async () => {
    await cluster()
      .node(1)
      .run((io) => void io.of('/news'));
    await cluster().connectEach();
    await cluster().connect(1, { namespace: '/news' });
    const uids = await Promise.all(cluster().nodes.map(uidOf));
    const told = await cluster().node(0).run(nodes);

    expect(told.missing).toEqual([]);
    expect(told.nodes.map(({ uid, self: own }) => [uid, own])).toContainEqual([uids[0], true]);
    expect(Object.fromEntries(told.nodes.map(({ uid, namespaces }) => [uid, namespaces]))).toEqual({
      [uids[0]!]: [{ name: '/', sockets: 1 }],
      [uids[1]!]: [
        { name: '/', sockets: 1 },
        { name: '/news', sockets: 1 },
      ],
      [uids[2]!]: [{ name: '/', sockets: 1 }],
    });
    for (const { since, lastSeen } of told.nodes) {
      expect(since).toBeLessThanOrEqual(lastSeen);
      expect(lastSeen).toBeLessThanOrEqual(Date.now());
      expect(since).toBeGreaterThan(Date.now() - 60_000);
    }
  });

  it('are told although one of them does not answer, which is named', async () => {
    const uids = await Promise.all(cluster().nodes.map(uidOf));
    await cluster().connectEach();
    cluster().node(2).kill('SIGSTOP');
    const [told, counted] = await Promise.all([
      cluster().node(0).run(nodes, 4_000),
      cluster().node(0).run(count, [], '/', 4_000),
    ]);
    cluster().node(2).kill('SIGCONT');

    expect(told.missing).toEqual([uids[2]]);
    expect(told.nodes.find(({ uid }) => uid === uids[2])).toMatchObject({ self: false, namespaces: undefined });
    expect(told.nodes.find(({ uid }) => uid === uids[1])!.namespaces).toContainEqual({ name: '/', sockets: 1 });
    expect(counted).toEqual({ sockets: 2, missing: [uids[2]] });
  });
});

it('The nodes of a cluster are asked no longer than the time given while Redis says nothing, which harms nobody', async () => {
  const redis = await startRedis();
  const cluster = await startCluster({ redisUrl: redis.url });
  const uids = await Promise.all(cluster.nodes.map(uidOf));
  await redis.pause();
  const told = await cluster.node(0).run(nodes, 50);
  await redis.resume();
  expect(told.missing).toEqual([uids[1]]);

  expect((await cluster.node(0).run(nodes)).missing).toEqual([]);
});

describe.each([
  ['recover sessions', recovery],
  ['do not', {}],
])('A count of sockets, where nodes %s', (_name, serverOptions) => {
  const cluster = useCluster({ nodes: 2, serverOptions });

  it('is of all nodes: of everyone, or of those in a room or in one of several, each once', async () => {
    const [near, far] = await cluster().connectEach();
    await cluster().join(near!, 'left', 'both');
    await cluster().join(far!, 'right', 'both');
    const run = (rooms?: string | string[]) => cluster().node(0).run(count, rooms);

    expect(await run()).toEqual({ sockets: 2, missing: [] });
    expect(await run('left')).toEqual({ sockets: 1, missing: [] });
    expect(await run(['left', 'right', 'both'])).toEqual({ sockets: 2, missing: [] });
    expect(await run('nobody')).toEqual({ sockets: 0, missing: [] });
  });

  it('comes after everything that the node has done before', async () => {
    await cluster().connectEach();
    const counts = await cluster()
      .node(0)
      .run(async (io, ctx) => {
        const view = (ctx.adapterFactory as unknown as AdapterFactory).cluster(io);
        const pending = [];
        for (let i = 0; i < 50; i++) {
          io.socketsJoin(`room-${i}`);
          pending.push(view.count(`room-${i}`));
          io.socketsLeave(`room-${i}`);
          pending.push(view.count(`room-${i}`));
        }
        return (await Promise.all(pending)).map(({ sockets }) => sockets);
      });

    expect(counts).toEqual(Array.from({ length: 50 }, () => [2, 0]).flat());
  });

  it('is of a namespace that not every node has', async () => {
    await cluster()
      .node(0)
      .run((io) => void io.of('/here'));
    await cluster().connect(0, { namespace: '/here' });

    expect(await cluster().node(0).run(count, [], '/here')).toEqual({ sockets: 1, missing: [] });
    await expect(cluster().node(1).run(count, [], '/here')).rejects.toThrow(
      "Cannot count the sockets of namespace '/here': this node does not have it. Namespaces that it has: /.",
    );
  });

  it('sends no handshake', async () => {
    for (const node of [0, 1]) await cluster().connect(node, { auth: { token: 's3cr3t' } });
    const heard = await listen(cluster());

    expect(await cluster().node(0).run(count)).toEqual({ sockets: 2, missing: [] });
    expect(await heard()).not.toContain('s3cr3t');
    // What it would be without.
    await cluster()
      .node(0)
      .run(async (io) => void (await io.fetchSockets()));
    expect(await heard()).toContain('s3cr3t');
  });
});

it('counts the sockets of nodes of @socket.io/redis-streams-adapter, too', async () => {
  const cluster = await startCluster({ nodes: [{ adapterOptions: { interop: true } }, { adapter: 'peer' }] });
  await cluster.connectEach();

  expect(await cluster.node(0).run(count)).toEqual({ sockets: 2, missing: [] });
});

describe('The handshakes that fetchSockets() tells', () => {
  const auth = { token: 's3cr3t' };

  async function fetched(cluster: Cluster): Promise<Record<string, unknown>[]> {
    await cluster.connect(1, { auth, query: { key: 's3cr3t' }, extraHeaders: { authorization: 's3cr3t' } });
    return cluster.node(0).run(async (io) => (await io.fetchSockets()).map(({ handshake }) => ({ ...handshake })));
  }

  it('are whole, unless something else is said', async () => {
    const [handshake] = await fetched(await startCluster());

    expect(handshake).toMatchObject({ auth, query: { key: 's3cr3t' }, headers: { authorization: 's3cr3t' } });
  });

  it('are without headers, query and auth with `redactHandshake: true`', async () => {
    const cluster = await startCluster({ adapterOptions: { redactHandshake: true } });
    const heard = await listen(cluster);
    const [handshake] = await fetched(cluster);

    expect(handshake).toMatchObject({ auth: {}, query: {}, headers: {}, url: '/socket.io/', address: '127.0.0.1' });
    expect(await heard()).not.toContain('s3cr3t');
    const own = await cluster
      .node(1)
      .run(async (io) => (await io.fetchSockets()).map((socket) => socket.handshake.auth));
    expect(own).toEqual([auth]);
  });

  it('are what a function makes of them, on the node of the socket', async () => {
    const cluster = await startCluster({ nodes: 1 });
    const url = await cluster.node(0).run(async (_io, ctx) => {
      const redactHandshake = ({ time, query }: Readonly<Record<string, unknown>>): Record<string, unknown> => {
        if ((query as { fail?: string }).fail) throw new Error('no');
        return { time, kept: true };
      };
      const factory = ctx.createAdapter(ctx.redis, { ...ctx.options.adapterOptions, redactHandshake });
      const server = await ctx.createServer({}, factory);
      await (factory as unknown as AdapterFactory).ready(server.io);
      return server.url;
    });
    await cluster.settled({ count: 2 });
    await cluster.connect(url);
    const handshakes = await cluster
      .node(0)
      .run(async (io) => (await io.fetchSockets()).map(({ handshake }) => ({ ...handshake })));
    expect(handshakes).toEqual([{ time: expect.any(String) as string, kept: true }]);

    await cluster.connect(url, { query: { fail: 'yes' } });
    await expect(cluster.node(0).run(async (io) => (await io.fetchSockets()).length)).rejects.toMatchObject({
      name: 'RemoteNodeError',
      message: expect.stringContaining('`redactHandshake` failed: no') as string,
    });
  });
});

describe('A node', () => {
  it('tells its connections, its outbox and its place in the stream', async () => {
    const cluster = await startCluster({ nodes: 1, serverOptions: recovery });
    const client = await cluster.connect(0);
    await cluster.node(0).run((io) => void io.emit('x'));
    await client.next('x');
    const told = await cluster.node(0).run(self);

    expect(told).toMatchObject({
      uid: await uidOf(cluster.node(0)),
      joined: true,
      members: [],
      outboxSize: 0,
      outboxFill: 0,
      namespaces: [{ name: '/', sockets: 1, position: client.offset }],
      streams: [{ stream: cluster.streamName, position: client.offset, lagMs: 0, length: 1 }],
    });
    expect(told.connections).toEqual([
      { role: 'writer', state: 'ready' },
      { role: 'reader', state: 'ready' },
      { role: 'subscriber', state: 'ready' },
    ]);
    expect(told.lastHeartbeat).toBeGreaterThan(Date.now() - 60_000);
  });

  it('tells that it is behind', async () => {
    const cluster = await startCluster({ nodes: 1, adapterOptions: { blockTimeInMs: 600_000 } });
    // The XREAD that waits still gets the next entry; no further one is allowed.
    await cluster.redis.sendCommand(['ACL', 'SETUSER', 'default', '-xread']);
    onTestFinished(async () => {
      await cluster.redis.sendCommand(['ACL', 'SETUSER', 'default', '+xread']);
    });
    const add = (ms: number) =>
      cluster.redis.sendCommand([
        'XADD',
        cluster.streamName,
        `${ms}-0`,
        'uid',
        'emitter',
        'nsp',
        '/',
        'type',
        '0',
        'data',
        '',
      ]);
    const now = Date.now();
    await add(now);
    await cluster.node(0).run(
      (io, ctx, id) =>
        ctx.waitFor(async () => {
          const { streams } = await (ctx.adapterFactory as unknown as AdapterFactory).cluster(io).self();
          return streams[0]!.position === id;
        }),
      `${now}-0`,
    );
    await add(now + 7_000);

    expect((await cluster.node(0).run(self)).streams).toMatchObject([
      { position: `${now}-0`, lagMs: 7_000, length: 2 },
    ]);
  });
});

it('is an error to ask for the cluster of a Server that is in none, or to wait for it to be', async () => {
  const cluster = await startCluster({ nodes: 1 });

  await expect(
    cluster.node(0).run((_io, ctx) => void (ctx.adapterFactory as unknown as AdapterFactory).cluster(new ctx.Server())),
  ).rejects.toThrow('The Server is not in a cluster.');
  await expect(
    cluster.node(0).run((_io, ctx) => (ctx.adapterFactory as unknown as AdapterFactory).ready(new ctx.Server())),
  ).rejects.toThrow('The Server is not in a cluster.');
});
