import { describe, expect } from 'vitest';
import { waitFor, type TestClient } from '../harness/index.js';
import { outcome, threeClients, type Suite } from './suite.js';

/** Operations on the sockets of the whole cluster. */
export function clusterOperations(suite: Suite): void {
  const { check, cluster } = suite;

  describe('socketsJoin and socketsLeave', () => {
    check('socketsJoin() takes sockets of every node into a room, filters honoured', async () => {
      const clients = await threeClients(suite);
      await cluster().join(clients[1], 'group');
      await cluster().join(clients[2], 'group', 'muted');
      await cluster()
        .node(0)
        .run((io) => {
          io.socketsJoin('everybody');
          io.in('group').except('muted').socketsJoin(['some', 'few']);
        });

      await cluster().inRooms(clients, [
        ['everybody'],
        ['everybody', 'few', 'group', 'some'],
        ['everybody', 'group', 'muted'],
      ]);
    });

    check('socketsLeave() takes sockets of every node out of rooms, filters honoured', async () => {
      const clients = await threeClients(suite);
      await Promise.all(clients.map((client) => cluster().join(client, 'a', 'b', 'c')));
      await cluster().join(clients[2], 'keep');
      await cluster()
        .node(0)
        .run((io) => {
          io.socketsLeave('a');
          io.in('b').except('keep').socketsLeave(['b', 'c']);
        });

      await cluster().inRooms(clients, [[], [], ['b', 'c', 'keep']]);
    });

    check('local keeps both on their node', async () => {
      const clients = await threeClients(suite);
      await Promise.all(clients.map((client) => cluster().join(client, 'old')));
      await cluster()
        .node(0)
        .run((io) => {
          io.local.socketsJoin('new');
          io.local.socketsLeave('old');
        });
      await cluster().barrier();

      await cluster().inRooms(clients, [['new'], ['old'], ['old']]);
    });

    check('a broadcast after socketsJoin() reaches the room, one after socketsLeave() does not', async () => {
      const clients = await threeClients(suite);
      await cluster()
        .node(0)
        .run((io) => {
          io.socketsJoin('room');
          io.to('room').emit('news', 1);
          io.socketsLeave('room');
          io.to('room').emit('news', 2);
        });

      expect(await outcome(suite, clients, 'news')).toEqual([[[1]], [[1]], [[1]]]);
    });
  });

  describe('disconnectSockets', () => {
    for (const close of [false, true]) {
      check(`disconnectSockets(${close}) ${close ? 'closes the connection' : 'leaves the namespace'}`, async () => {
        const clients = await threeClients(suite);
        const others = clients.map(({ socket }) => socket.io.socket('/multi').connect());
        await Promise.all(others.map((socket) => waitFor(() => socket.connected)));
        await cluster()
          .node(0)
          .run((io, _ctx, all) => io.disconnectSockets(all), close);
        const reasons = await Promise.all(clients.map((client) => client.disconnected()));

        expect(reasons).toEqual(clients.map(() => 'io server disconnect'));
        if (close) {
          await waitFor(() => others.every(({ connected }) => !connected));
        } else {
          // An answer over the connection shows that it is still there.
          await Promise.all(
            others.map(async (socket, index) => {
              const greeting = new Promise((resolve) => socket.once('greeting', resolve));
              await cluster()
                .node(index)
                .run((io) => io.of('/multi').local.emit('greeting'));
              await greeting;
            }),
          );
        }
      });
    }

    check('disconnectSockets() honours filters, and local', async () => {
      const clients = await threeClients(suite);
      const second = await cluster().connect(1);
      await Promise.all([clients[1], clients[2], second].map((client) => cluster().join(client, 'room')));
      await cluster().join(clients[2], 'spared');
      await cluster()
        .node(0)
        .run((io) => {
          io.in('room').except('spared').disconnectSockets();
          io.in('spared').local.disconnectSockets();
        });
      await Promise.all([clients[1].disconnected(), second.disconnected()]);
      await cluster().barrier([clients[0], clients[2]]);

      expect(clients.map(({ socket }) => socket.connected)).toEqual([true, false, true]);
    });

    check('what is emitted before disconnectSockets() still arrives', async () => {
      const clients = await threeClients(suite);
      await cluster()
        .node(0)
        .run((io) => {
          io.emit('last words', 1);
          io.disconnectSockets(true);
        });
      await Promise.all(clients.map((client) => client.disconnected()));

      expect(clients.map((client) => client.received('last words'))).toEqual([[[1]], [[1]], [[1]]]);
    });
  });

  describe('fetchSockets', () => {
    check('local sockets are the real ones, those of other nodes are described', async () => {
      const clients = (await cluster().connectEach({ auth: { token: 'secret' }, query: { q: '1' } })) as TestClient[];
      await Promise.all(clients.map((client) => cluster().join(client, 'room')));
      await cluster()
        .node(1)
        .run((io, _ctx, id) => {
          const socket = io.of('/').sockets.get(id)!;
          socket.data = { name: 'Ada', tags: ['a'] };
          const sessionStore = { self: {} };
          sessionStore.self = sessionStore;
          Object.assign(socket.handshake, { sessionStore, extra: { nested: 1 } });
        }, clients[1]!.id);
      const sockets = await cluster()
        .node(0)
        .run(async (io) =>
          (await io.fetchSockets()).map((socket) => ({
            real: socket === (io.of('/').sockets.get(socket.id) as unknown),
            id: socket.id,
            rooms: [...socket.rooms],
            data: socket.data as unknown,
            handshake: JSON.parse(JSON.stringify(socket.handshake)) as Record<string, unknown>,
          })),
        );

      expect(sockets).toHaveLength(3);
      const [near, far] = clients.map(({ id }) => sockets.find((socket) => socket.id === id)!);
      expect(near).toMatchObject({ real: true });
      expect(far).toMatchObject({ real: false, data: { name: 'Ada', tags: ['a'] } });
      expect(far!.rooms.toSorted()).toEqual([clients[1]!.id, 'room'].toSorted());
      const original = await cluster()
        .node(1)
        .run((io, _ctx, id) => {
          const { sessionStore, ...handshake } = io.of('/').sockets.get(id)!.handshake as unknown as Record<
            string,
            unknown
          >;
          return { had: sessionStore !== undefined, handshake: JSON.parse(JSON.stringify(handshake)) as unknown };
        }, clients[1]!.id);
      expect(original.had).toBe(true);
      expect(far!.handshake).toEqual(original.handshake);
      expect(far!.handshake).toMatchObject({ auth: { token: 'secret' }, query: { q: '1' }, extra: { nested: 1 } });
    });

    check('filters and local are honoured', async () => {
      const clients = await threeClients(suite);
      await Promise.all(clients.map((client) => cluster().join(client, 'room')));
      await cluster().join(clients[2], 'muted');
      const [near, far, other] = clients.map(({ id }) => id);
      const found = await cluster()
        .node(0)
        .run(async (io, _ctx, id) => {
          const ids = async (operator: Pick<typeof io, 'fetchSockets'>): Promise<string[]> =>
            (await operator.fetchSockets()).map((socket) => socket.id).toSorted();
          return {
            byId: await ids(io.in(id)),
            room: await ids(io.in('room')),
            except: await ids(io.in('room').except('muted')),
            local: await ids(io.local),
            nobody: await ids(io.in('empty room')),
          };
        }, far!);

      expect(found).toEqual({
        byId: [far],
        room: [near, far, other].toSorted(),
        except: [near, far].toSorted(),
        local: [near],
        nobody: [],
      });
    });

    check('a remote socket emits, joins, leaves and disconnects', async () => {
      const clients = await threeClients(suite);
      await cluster().join(clients[1], 'old');
      await cluster()
        .node(0)
        .run(async (io, _ctx, id) => {
          const [socket] = await io.in(id).fetchSockets();
          socket!.emit('news', 1);
          socket!.join(['new', 'newer']);
          socket!.leave('old');
        }, clients[1].id);

      await cluster().inRooms([clients[1]], [['new', 'newer']]);
      expect(await outcome(suite, clients, 'news')).toEqual([[], [[1]], []]);
      await cluster()
        .node(0)
        .run(async (io, _ctx, id) => void (await io.in(id).fetchSockets())[0]!.disconnect(true), clients[1].id);
      expect(await clients[1].disconnected()).toBe('io server disconnect');
      await cluster().barrier();
      expect(clients.map(({ socket }) => socket.connected)).toEqual([true, false, true]);
    });
  });
}
