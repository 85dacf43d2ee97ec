import { describe, expect, it } from 'vitest';
import { type Cluster, type NodeContext, type TestClient } from '../harness/index.js';

type Acknowledge = (value: unknown) => void;

/** Every operation, from node `from` of a cluster in which nodes 0 and 2 are ours and node 1 is the peer's. */
export function operationsFrom(cluster: () => Cluster, from: number): void {
  const start = () => cluster().node(from);
  const none: unknown[][] = [];

  describe('broadcasts', () => {
    it('reach every client, its rooms and exceptions', async () => {
      const clients = await cluster().connectEach();
      await Promise.all(clients.map((client, index) => cluster().join(client, `room ${index}`, 'room')));
      await start().run((io, _ctx, id) => {
        io.emit('to all', 'text', { nested: [1, null] });
        io.to('room 0').to('room 1').emit('to rooms', 1);
        io.in('room').except(['room 1', 'room 2']).emit('except rooms', 1);
        io.to(id).emit('to an id', 1);
      }, clients[1]!.id);
      await cluster().barrier();

      const received = (event: string): unknown[][][] => clients.map((client) => client.received(event));
      const text = [['text', { nested: [1, null] }]];
      expect(received('to all')).toEqual([text, text, text]);
      expect(received('to rooms')).toEqual([[[1]], [[1]], none]);
      expect(received('except rooms')).toEqual([[[1]], none, none]);
      expect(received('to an id')).toEqual([none, [[1]], none]);
    });

    it('arrive in order', async () => {
      const clients = await cluster().connectEach();
      await start().run((io) => {
        for (let n = 0; n < 200; n += 1) {
          io.emit('numbered', n);
        }
      });
      await cluster().barrier();

      const expected = Array.from({ length: 200 }, (_, n) => [n]);
      expect(clients.map((client) => client.received('numbered'))).toEqual([expected, expected, expected]);
    });

    it('of a socket leave out the sender', async () => {
      const clients = await cluster().connectEach();
      await start().run((io, _ctx, id) => io.of('/').sockets.get(id)!.broadcast.emit('news', 1), clients[from]!.id);
      await cluster().barrier();

      expect(clients.map((client) => client.received('news'))).toEqual(
        clients.map((_client, index) => (index === from ? none : [[1]])),
      );
    });

    it('carry binary data', async () => {
      const clients = await cluster().connectEach();
      await start().run((io) =>
        io.emit('binary', Buffer.from('bytes'), { nested: [new Uint8Array([1, 2]), 'text'] }, new Date(0)),
      );
      await cluster().barrier();

      const expected = [[Buffer.from('bytes'), { nested: [Buffer.from([1, 2]), 'text'] }, '1970-01-01T00:00:00.000Z']];
      expect(clients.map((client) => client.received('binary'))).toEqual([expected, expected, expected]);
    });

    it('may be volatile, and may be local', async () => {
      const clients = await cluster().connectEach();
      await cluster().writable(clients);
      await start().run((io) => {
        io.volatile.emit('volatile', 1);
        io.local.emit('local', 1);
      });
      // the barrier of another node, were it there first, would keep the connection from taking it
      await Promise.all(clients.map((client) => client.next('volatile')));
      await cluster().barrier();

      expect(clients.map((client) => client.received('volatile'))).toEqual([[[1]], [[1]], [[1]]]);
      expect(clients.map((client) => client.received('local'))).toEqual(
        clients.map((_client, index) => (index === from ? [[1]] : none)),
      );
    });

    it('reach a namespace made from a pattern', async () => {
      const clients = await cluster().connectEach({ namespace: '/dynamic-a' });
      const outsiders = await cluster().connectEach();
      await start().run((io) => io.of('/dynamic-a').emit('news', 1));
      await cluster().barrier();

      expect(clients.map((client) => client.received('news'))).toEqual([[[1]], [[1]], [[1]]]);
      expect(outsiders.flatMap((client) => client.received('news'))).toEqual([]);
    });
  });

  describe('acknowledgements', () => {
    it('come from every client', async () => {
      const clients = await cluster().connectEach();
      answerWithIndex(clients);
      const answers = await start().run(async (io) => ({
        numbers: (await io.timeout(5_000).emitWithAck('question')).toSorted(),
        nobody: await io.to('empty room').timeout(5_000).emitWithAck('question'),
      }));

      expect(answers).toEqual({ numbers: [0, 1, 2], nobody: [] });
    });

    it('carry binary data', async () => {
      const clients = await cluster().connectEach();
      clients.forEach(({ socket }) =>
        socket.on('question', (acknowledge: Acknowledge) => acknowledge({ bytes: Buffer.from('bytes') })),
      );
      const answers = await start().run((io) => io.timeout(5_000).emitWithAck('question'));

      expect((answers as { bytes: Uint8Array }[]).map(({ bytes }) => Buffer.from(bytes).toString())).toEqual([
        'bytes',
        'bytes',
        'bytes',
      ]);
    });

    it('that did come are on the error of a timeout', async () => {
      const clients = await cluster().connectEach();
      answerWithIndex(clients.slice(0, 2));
      const responses = await start().run((io) =>
        io
          .timeout(2_000)
          .emitWithAck('question')
          .catch((error: Error & { responses: number[] }) => error.responses.toSorted()),
      );

      expect(responses).toEqual([0, 1]);
    });
  });

  describe('operations on sockets', () => {
    it('socketsJoin() and socketsLeave() reach every node', async () => {
      const clients = await cluster().connectEach();
      await Promise.all(clients.map((client) => cluster().join(client, 'old')));
      await cluster().join(clients[2]!, 'muted');
      await start().run((io) => {
        io.in('old').except('muted').socketsJoin(['new', 'newer']);
        io.socketsLeave('old');
      });

      await cluster().inRooms(clients, [['new', 'newer'], ['new', 'newer'], ['muted']]);
    });

    for (const close of [false, true]) {
      it(`disconnectSockets(${close}) reaches every node, after what was emitted`, async () => {
        const clients = await cluster().connectEach();
        const spared = await cluster().connectEach();
        await Promise.all(clients.map((client) => cluster().join(client, 'room')));
        await start().run((io, _ctx, all) => {
          io.emit('last words', 1);
          io.in('room').disconnectSockets(all);
        }, close);

        expect(await Promise.all(clients.map((client) => client.disconnected()))).toEqual(
          clients.map(() => 'io server disconnect'),
        );
        expect(clients.map((client) => client.received('last words'))).toEqual([[[1]], [[1]], [[1]]]);
        await cluster().barrier(spared);
        expect(spared.map(({ socket }) => socket.connected)).toEqual([true, true, true]);
      });
    }

    it('fetchSockets() describes the sockets of every node', async () => {
      const clients = await cluster().connectEach({ auth: { token: 'secret' } });
      await Promise.all(clients.map((client) => cluster().join(client, 'room')));
      await Promise.all(
        clients.map((client) =>
          cluster()
            .nodeOf(client)
            .run((io, _ctx, id) => {
              io.of('/').sockets.get(id)!.data = { of: id, avatar: Buffer.from('bytes') };
            }, client.id),
        ),
      );
      const { sockets, local } = await start().run(async (io) => ({
        sockets: (await io.in('room').fetchSockets()).map(({ id, rooms, data, handshake }) => ({
          id,
          rooms: [...rooms].toSorted(),
          of: (data as { of: string }).of,
          avatar: (data as { avatar: Uint8Array }).avatar,
          token: (handshake.auth as { token: string }).token,
        })),
        local: (await io.local.fetchSockets()).map(({ id }) => id),
      }));

      const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);
      expect(sockets.map((each) => ({ ...each, avatar: Buffer.from(each.avatar).toString() })).toSorted(byId)).toEqual(
        clients
          .map(({ id }) => ({ id, rooms: [id, 'room'].toSorted(), of: id, avatar: 'bytes', token: 'secret' }))
          .toSorted(byId),
      );
      expect(local).toEqual([clients[from]!.id]);
    });

    it('a remote socket of each node emits, asks, joins, leaves and disconnects', async () => {
      const clients = await cluster().connectEach();
      answerWithIndex(clients);
      await Promise.all(clients.map((client) => cluster().join(client, 'old')));
      for (const [index, client] of clients.entries()) {
        const answer = await start().run(async (io, _ctx, id) => {
          const [socket] = await io.in(id).fetchSockets();
          socket!.emit('news', 1);
          socket!.join('new');
          socket!.leave('old');
          return socket!.timeout(5_000).emitWithAck('question') as Promise<number>;
        }, client.id);
        expect(answer).toBe(index);
        expect(await client.next('news')).toEqual([[1]]);
        await cluster().inRooms([client], [['new']]);
        await start().run(async (io, _ctx, id) => void (await io.in(id).fetchSockets())[0]!.disconnect(), client.id);
        expect(await client.disconnected()).toBe('io server disconnect');
      }
    });
  });

  describe('between servers', () => {
    it('serverSideEmit() fires on the others', async () => {
      const event = `task from ${from}`;
      await Promise.all(cluster().nodes.map((node) => node.run(recordEvent, event)));
      await start().run((io, _ctx, name) => io.serverSideEmit(name, 'text', { bytes: Buffer.from('bytes') }), event);
      const others = cluster().nodes.filter((_node, index) => index !== from);
      const calls = await Promise.all(others.map((node) => node.recorded(event, 1)));

      for (const [call] of calls) {
        const [text, { bytes }] = call as [string, { bytes: Uint8Array }];
        expect([text, Buffer.from(bytes).toString()]).toEqual(['text', 'bytes']);
      }
      expect(calls.map(({ length }) => length)).toEqual([1, 1]);
      expect(await start().recorded(event)).toEqual([]);
    });

    it('serverSideEmitWithAck() gets one response from each of the others', async () => {
      const event = `sum from ${from}`;
      await Promise.all(
        cluster().nodes.map((node, index) =>
          node.run(
            (io, _ctx, name, own) => {
              io.on(name, (a: number, b: number, acknowledge: Acknowledge) => {
                acknowledge(`${a + b} on ${own}`);
                acknowledge('again');
              });
            },
            event,
            index,
          ),
        ),
      );
      const responses = await start().run(
        async (io, _ctx, name) => (await io.serverSideEmitWithAck(name, 1, 2)).toSorted() as string[],
        event,
      );

      expect(responses).toEqual([0, 1, 2].filter((index) => index !== from).map((index) => `3 on ${index}`));
    });

    it('serverCount() counts every node', async () => {
      expect(await start().run((io) => io.of('/').adapter.serverCount())).toBe(3);
    });

    it('a namespace that the others lack is no reason to wait', async () => {
      const namespace = `/only-on-${from}`;
      await start().run((io, _ctx, name) => void io.of(name), namespace);
      const client = await cluster().connect(from, { namespace });
      answerWithIndex([client]);
      const begin = performance.now();
      const result = await start().run(
        async (io, _ctx, name) => ({
          acks: await io.of(name).timeout(10_000).emitWithAck('question'),
          sockets: (await io.of(name).fetchSockets()).map(({ id }) => id),
          responses: await io.of(name).serverSideEmitWithAck('task'),
        }),
        namespace,
      );

      expect(result).toEqual({ acks: [0], sockets: [client.id], responses: [] });
      expect(performance.now() - begin).toBeLessThan(4_900);
    });
  });
}

const recordEvent = (io: NodeContext['io'], ctx: NodeContext, event: string): void => {
  io.on(event, ctx.record(event));
};

function answerWithIndex(clients: TestClient[]): void {
  clients.forEach(({ socket }, index) => socket.on('question', (acknowledge: Acknowledge) => acknowledge(index)));
}
