import { describe, expect, it } from 'vitest';
import { useCluster, type ServerNode } from '../harness/index.js';

for (const recovery of [false, true]) {
  describe(`several servers in one process (recovery: ${recovery})`, () => {
    const serverOptions = recovery ? { connectionStateRecovery: {} } : {};
    const cluster = useCluster({ serverOptions });

    it('on different paths share neither packets nor nodes', async () => {
      const url = await addServer(cluster().node(0), { path: '/elsewhere', ...serverOptions });
      const near = await cluster().connect(0);
      const far = await cluster().connect(1);
      const apart = await cluster().client(0, { path: '/elsewhere' }).connect(url);
      await cluster().node(0).run(emitFromBoth);
      const seen = await cluster()
        .node(0)
        .run(async (io, ctx) => {
          const other = ctx.state['server'] as typeof io;
          const servers = [io, other];
          for (const server of servers) server.on('question', (answer: (value: string) => void) => answer('wrong'));
          return {
            servers: await Promise.all(servers.map((server) => server.of('/').adapter.serverCount())),
            sockets: await Promise.all(servers.map(async (server) => (await server.fetchSockets()).length)),
            answers: await other.serverSideEmitWithAck('question'),
            namespaces: (ctx.adapterFactory as unknown as { snapshot(): object[] }).snapshot().length,
          };
        });
      await cluster().barrier([near, far]);
      await apart.next('from the other');

      expect(seen).toEqual({ servers: [2, 1], sockets: [2, 1], answers: [], namespaces: 2 });
      expect([near, far, apart].map((client) => client.events.map(({ event }) => event))).toEqual([
        ['from the first'],
        ['from the first'],
        ['from the other'],
      ]);
      await cluster().node(0).run(closeOther);
      // what was shared would be closed now
      await cluster().barrier([near, far]);
    });

    it('of different scopes share neither packets nor nodes on one path', async () => {
      const url = await addServer(cluster().node(0), serverOptions, 'apart');
      const near = await cluster().connect(0);
      const apart = await cluster().client(0).connect(url);
      await cluster().node(0).run(emitFromBoth);
      await apart.next('from the other');
      await near.next('from the first');
      await cluster().barrier([near]);
      const servers = await cluster()
        .node(0)
        .run((io, ctx) =>
          Promise.all([io, ctx.state['server'] as typeof io].map((server) => server.of('/').adapter.serverCount())),
        );

      expect(servers).toEqual([2, 1]);
      expect([near, apart].map((client) => client.events.map(({ event }) => event))).toEqual([
        ['from the first'],
        ['from the other'],
      ]);
      await cluster().node(0).run(closeOther);
    });

    it('of one scope are nodes of one cluster on different paths', async () => {
      const scope = 'shared';
      const urls = [
        await addServer(cluster().node(0), serverOptions, scope),
        await addServer(cluster().node(1), { path: '/elsewhere', ...serverOptions }, scope),
      ];
      const clients = await Promise.all(
        urls.map((url, i) =>
          cluster()
            .client(0, i === 0 ? {} : { path: '/elsewhere' })
            .connect(url),
        ),
      );
      await cluster()
        .node(0)
        .run((io, ctx) =>
          ctx.waitFor(async () => (await (ctx.state['server'] as typeof io).of('/').adapter.serverCount()) === 2),
        );
      await cluster().node(0).run(emitFromBoth);
      for (const client of clients) await client.next('from the other');

      for (const client of clients) expect(client.events.map(({ event }) => event)).toEqual(['from the other']);
      for (const node of cluster().nodes) await node.run(closeOther);
    });

    it('on one path are nodes like any others', async () => {
      const url = await addServer(cluster().node(0), serverOptions);
      const near = await cluster().connect(0);
      const far = await cluster().connect(1);
      const beside = await cluster().client(0).connect(url);
      await cluster().node(0).run(emitFromBoth);
      const seen = await cluster()
        .node(0)
        .run(async (io, ctx) => {
          const other = ctx.state['server'] as typeof io;
          io.removeAllListeners('question');
          for (const [i, server] of [io, other].entries()) {
            server.on('question', (answer: (value: number) => void) => answer(i));
          }
          return {
            servers: await Promise.all([io, other].map((server) => server.of('/').adapter.serverCount())),
            sockets: await Promise.all([io, other].map(async (server) => (await server.fetchSockets()).length)),
          };
        });
      const answers = await cluster()
        .node(1)
        .run((io) => io.serverSideEmitWithAck('question'));
      for (const client of [near, far, beside]) await client.next('from the other');

      expect(seen).toEqual({ servers: [3, 3], sockets: [3, 3] });
      expect(answers.toSorted()).toEqual([0, 1]);
      // each packet once
      for (const client of [near, far, beside]) {
        expect(client.events.map(({ event }) => event).toSorted()).toEqual(['from the first', 'from the other']);
      }
      await cluster().node(0).run(closeOther);
      await cluster().settled({ count: 2 });
      await cluster().barrier([near, far]);
    });
  });
}

/** A second server in the process of the node, made with the same factory unless it is given a scope; its URL. */
async function addServer(node: ServerNode, options: object, scope?: string): Promise<string> {
  return node.run(
    async (_io, ctx, serverOptions, ownScope) => {
      const factory =
        ownScope === undefined
          ? ctx.adapterFactory
          : ctx.createAdapter(ctx.redis, { ...ctx.options.adapterOptions, scope: ownScope });
      const { io, url } = await ctx.createServer(serverOptions, factory);
      await (io.of('/').adapter as unknown as { ready(): Promise<void> }).ready();
      ctx.state['server'] = io;
      return url;
    },
    options,
    scope,
  );
}

const emitFromBoth: Parameters<ServerNode['run']>[0] = (io, ctx) => {
  io.emit('from the first', 1);
  (ctx.state['server'] as typeof io).emit('from the other', 1);
};

const closeOther: Parameters<ServerNode['run']>[0] = (io, ctx) => (ctx.state['server'] as typeof io).close();
