import { describe, expect } from 'vitest';
import { startCluster, waitFor, type Cluster, type TestClient } from '../harness/index.js';
import { outcome, threeClients, type Suite } from './suite.js';

const OFFSET = /^\d+-\d+$/;

/** Connection state recovery, on the shared cluster. */
export function recovery(suite: Suite): void {
  const { check, cluster } = suite;
  if (!suite.recovery) {
    return;
  }

  describe('offsets', () => {
    check('a packet ends with its offset in the stream, the same for every client', async () => {
      const clients = await threeClients(suite);
      await cluster().join(clients[1], 'room');
      await cluster()
        .node(0)
        .run((io, _ctx, id) => {
          io.emit('to all', 1);
          io.to('room').emit('to room', 'text');
          io.of('/').sockets.get(id)!.emit('to one', 2);
        }, clients[0].id);
      await cluster().barrier();
      const [near, far, other] = clients.map((client) => client.offsets('to all'));

      expect(near).toEqual([expect.stringMatching(OFFSET)]);
      expect([far, other]).toEqual([near, near]);
      expect(clients[1].offsets('to room')).toEqual([expect.stringMatching(OFFSET)]);
      expect(clients[0].offsets('to one')).toEqual([expect.stringMatching(OFFSET)]);
      expect(await cluster().redis.xRange(cluster().streamName, near![0]!, near![0]!)).toHaveLength(1);
    });

    check('offsets grow', async () => {
      const clients = await threeClients(suite);
      await Promise.all(
        cluster().nodes.map((node) =>
          node.run((io) => {
            for (let n = 0; n < 50; n += 1) {
              io.emit('numbered', n);
            }
          }),
        ),
      );
      await outcome(suite, clients, 'numbered');

      for (const client of clients) {
        const offsets = client.offsets('numbered') as string[];
        expect(offsets).toHaveLength(150);
        expect(offsets).toEqual(offsets.toSorted(byPosition));
      }
    });

    check('volatile and local packets carry no offset', async () => {
      const clients = await threeClients(suite);
      await cluster()
        .node(0)
        .run((io) => {
          io.volatile.emit('volatile', 1);
          io.local.emit('local', 1);
        });
      await cluster().barrier();

      expect(clients.map((client) => client.offsets('volatile'))).toEqual([[undefined], [undefined], [undefined]]);
      expect(clients.map((client) => client.offsets('local'))).toEqual([[undefined], [], []]);
      expect(clients.map((client) => client.received('volatile'))).toEqual([[[1]], [[1]], [[1]]]);
    });

    check('a last argument of a volatile or local packet is not taken for an offset', async () => {
      const clients = await threeClients(suite);
      await cluster()
        .node(0)
        .run((io) => io.emit('firm', 1));
      await outcome(suite, clients, 'firm');
      const before = clients.map(({ offset }) => offset);
      await cluster()
        .node(0)
        .run((io) => {
          io.volatile.emit('volatile', 'a string');
          io.local.emit('local', 'a string');
        });
      await Promise.all([...clients.map((client) => client.next('volatile')), clients[0].next('local')]);

      expect(clients.map(({ offset }) => offset)).toEqual(before);
      expect(clients[1].received('volatile')[0]![0]).toBe('a string');
      expect(clients[0].received('local')[0]![0]).toBe('a string');
    });
  });

  describe('a client that comes back', () => {
    for (const place of ['the same node', 'another node'] as const) {
      const back = place === 'the same node' ? 0 : 1;

      check(`gets what it missed at ${place}, and its id, rooms and data`, async () => {
        const client = await away(cluster(), { rooms: ['a', 'b'], data: { name: 'Ada', since: 1 } });
        const witness = await cluster().connect(1);
        for (const node of [0, 1, 2]) {
          await cluster()
            .node(node)
            .run((io, _ctx, n) => io.emit('missed', n), node);
          // Nodes agree on an order only where one has seen what the other did.
          await witness.next('missed', node + 1);
        }
        await client.connect(cluster().node(back));
        await cluster()
          .node(2)
          .run((io) => io.emit('missed', 'live'));

        expect(client).toMatchObject({ recovered: true, id: client.idBefore });
        expect(await client.next('missed', 4)).toEqual([[0], [1], [2], ['live']]);
        const state = await stateOf(cluster(), client);
        expect(state).toEqual({ recovered: true, rooms: ['a', 'b'], data: { name: 'Ada', since: 1 } });
      });

      check(`gets nothing at ${place} when it missed nothing`, async () => {
        const client = await away(cluster(), { rooms: ['a'] });
        await client.connect(cluster().node(back));
        await cluster().barrier([client]);

        expect(client).toMatchObject({ recovered: true, id: client.idBefore });
        expect(client.events.map(({ event }) => event)).toEqual(['before']);
      });

      check(`gets what was for its rooms at ${place}, and nothing else`, async () => {
        const client = await away(cluster(), { rooms: ['mine', 'muted'] });
        await cluster()
          .node(2)
          .run((io, _ctx, id) => {
            io.to('mine').emit('for a room', 1);
            io.to('theirs').emit('for another room', 1);
            io.to(['theirs', 'mine']).emit('for both', 1);
            io.to('mine').except('muted').emit('except a room', 1);
            io.except('theirs').emit('except another room', 1);
            io.to(id).emit('for its id', 1);
            io.except(id).emit('except its id', 1);
            io.of('/chat').emit('in another namespace', 1);
          }, client.idBefore);
        await client.connect(cluster().node(back));
        await cluster().barrier([client]);

        expect(client.events.map(({ event }) => event)).toEqual([
          'before',
          'for a room',
          'for both',
          'except another room',
          'for its id',
        ]);
      });
    }

    check('replayed packets carry the offsets that live ones have', async () => {
      const witness = await cluster().connect(2);
      const client = await away(cluster());
      await cluster()
        .node(0)
        .run((io) => {
          io.emit('missed', 1);
          io.emit('missed', 'text');
        });
      await client.connect(cluster().node(1));
      await client.next('missed', 2);
      await witness.next('missed', 2);

      expect(client.offsets('missed')).toEqual(witness.offsets('missed'));
      expect(client.offsets('missed')).toEqual([expect.stringMatching(OFFSET), expect.stringMatching(OFFSET)]);
      expect(client.received('missed')).toEqual([[1], ['text']]);
    });

    check('can lose its connection again, and again', async () => {
      const client = await away(cluster(), { rooms: ['a'] });
      for (const round of [1, 2, 3]) {
        await cluster()
          .node(0)
          .run((io, _ctx, n) => io.to('a').emit('missed', n), round);
        await client.connect(cluster().node(round % 3));
        await client.next('missed', round);
        expect(client).toMatchObject({ recovered: true, id: client.idBefore });
        await client.drop();
        await cluster().sessionSaved(client);
      }
      await client.connect(cluster().node(1));
      await cluster().barrier([client]);

      expect(client.received('missed')).toEqual([[1], [2], [3]]);
      expect((await stateOf(cluster(), client)).rooms).toEqual(['a']);
    });

    check('gets a packet of socket.emit() that was lost on the way', async () => {
      const client = await connectAndReceive(cluster(), 0);
      const { id } = client;
      await cluster()
        .node(0)
        .run((io, _ctx, socketId) => {
          const socket = io.of('/').sockets.get(socketId)!;
          // Everything that is written to the connection from here on is lost.
          (socket.conn as unknown as { write(): void }).write = () => undefined;
          socket.emit('lost', 1);
          io.emit('lost', 2);
        }, id);
      await waitForEntries(cluster(), '"lost"', 2);
      await cluster()
        .node(0)
        .run((io, _ctx, socketId) => {
          io.of('/').sockets.get(socketId)!.conn.close();
        }, id);
      await client.disconnected();
      await cluster().sessionSaved(client);
      await client.connect(cluster().node(1));

      expect(client).toMatchObject({ recovered: true, id });
      expect(await client.next('lost', 2)).toEqual([[1], [2]]);
    });

    check('gets no packet again that had an acknowledgement or was volatile or local', async () => {
      const client = await away(cluster(), { rooms: ['a'] });
      await cluster()
        .node(0)
        .run(async (io) => {
          await io.timeout(5_000).emitWithAck('with acknowledgement');
          io.volatile.emit('volatile', 1);
          io.local.emit('local', 1);
          io.emit('firm', 1);
        });
      await client.connect(cluster().node(1));
      await client.next('firm');
      await cluster().barrier([client]);

      expect(client.events.map(({ event }) => event)).toEqual(['before', 'firm']);
    });

    check('gets binary data as it was sent', async () => {
      const client = await away(cluster(), { data: { avatar: Buffer.from('data') } });
      await cluster()
        .node(0)
        .run((io) => io.emit('missed', { nested: [Buffer.from('bytes')] }));
      await client.connect(cluster().node(1));

      expect(await client.next('missed')).toEqual([[{ nested: [Buffer.from('bytes')] }]]);
      const avatar = await cluster()
        .node(1)
        .run((io, _ctx, id) => (io.of('/').sockets.get(id)!.data as { avatar: Uint8Array }).avatar, client.id);
      expect(Buffer.from(avatar).toString()).toBe('data');
    });

    check('recovers in a namespace other than the first', async () => {
      const client = await away(cluster(), { namespace: '/chat', rooms: ['a'] });
      await cluster()
        .node(0)
        .run((io) => {
          io.of('/chat').to('a').emit('missed', 1);
          io.emit('elsewhere', 1);
        });
      await client.connect(cluster().node(1));
      await cluster().barrier([client]);

      expect(client).toMatchObject({ recovered: true, id: client.idBefore });
      expect(client.events.map(({ event }) => event)).toEqual(['before', 'missed']);
    });
  });

  describe('a session that cannot be restored', () => {
    check('a session is used once', async () => {
      const client = await away(cluster());
      const { pid, offset } = client;
      await client.connect(cluster().node(1));
      expect(client.recovered).toBe(true);
      client.close();
      await cluster().barrier();

      await expectFresh(cluster(), await cluster().connect(2, { auth: { pid, offset } }), client.idBefore);
      await expectFresh(cluster(), await cluster().connect(1, { auth: { pid, offset } }), client.idBefore);
    });

    check('two connections never share a session', async () => {
      const client = await away(cluster());
      const { pid, offset, idBefore } = client;
      await client.connect(cluster().node(1));
      const again = await cluster().connect(2, { auth: { pid, offset } });

      // Whether the second one starts afresh or takes over from the first is left open.
      await waitFor(async () => [client, again].filter(({ id }) => id === idBefore).length === 1);
      const found = await cluster()
        .node(0)
        .run(async (io, _ctx, id) => (await io.in(id).fetchSockets()).length, idBefore);
      expect(found).toBe(1);
    });

    check('a malformed, unknown or impossible offset makes a fresh connection', async () => {
      const offsets = [
        '',
        'abc',
        '1',
        '1-',
        '-1',
        '1-1-1',
        '-1-1',
        '1-1; DROP',
        '٣-٣',
        '9'.repeat(500),
        '1-' + '9'.repeat(500),
        '9999999999999-0',
      ];
      for (const offset of [...offsets, null, 1, {}, [], ['1-1'], true]) {
        const client = await away(cluster());
        await expectFresh(
          cluster(),
          await cluster().connect(1, { auth: { pid: client.pid, offset } }),
          client.idBefore,
        );
      }
    });

    check('an unknown or malformed session id makes a fresh connection', async () => {
      const { offset, idBefore } = await away(cluster());
      for (const pid of ['', 'unknown', '*', '../../etc', '__proto__', 'a\r\nb', 'x'.repeat(10_000), null, 1, {}, []]) {
        await expectFresh(cluster(), await cluster().connect(1, { auth: { pid, offset } }), idBefore);
      }
    });

    check('a client that left on purpose starts afresh', async () => {
      const client = await connectAndReceive(cluster(), 0);
      const { id } = client;
      client.close();
      await client.disconnected();
      await client.connect();

      expect(client.recovered).toBe(false);
      await expectFresh(cluster(), client, id);
    });

    for (const close of [false, true]) {
      check(`a client that the server disconnected (${close}) starts afresh`, async () => {
        const client = await connectAndReceive(cluster(), 0);
        const { id } = client;
        await cluster()
          .node(1)
          .run((io, _ctx, socketId, all) => io.in(socketId).disconnectSockets(all), id, close);
        await client.disconnected();
        await client.connect();

        expect(client.recovered).toBe(false);
        await expectFresh(cluster(), client, id);
      });
    }

    check('a session of another namespace makes a fresh connection', async () => {
      const client = await away(cluster(), { rooms: ['staff'] });
      const impostor = await cluster().connect(1, {
        namespace: '/chat',
        auth: { pid: client.pid, offset: client.offset },
      });

      await expectFresh(cluster(), impostor, client.idBefore);
    });

    check('a session is kept for as long as the server says', async () => {
      const client = await away(cluster());
      const ttl = await cluster().redis.pTTL(await cluster().sessionSaved(client));

      expect(ttl).toBeGreaterThan(100_000);
      expect(ttl).toBeLessThanOrEqual(120_000);
    });
  });
}

/** What needs nodes of its own, once for an adapter. */
export function recoveryLifecycle({ adapter, check }: Pick<Suite, 'adapter' | 'check'>): void {
  describe('recovery across the life of nodes', () => {
    check('the clients of a node that shuts down recover at another', async () => {
      const cluster = await startCluster({ adapter, serverOptions: { connectionStateRecovery: {} } });
      const client = await connectAndReceive(cluster, 0);
      await cluster.join(client, 'room');
      const { id } = client;
      await cluster.node(0).close();
      await client.disconnected();
      await cluster.sessionSaved(client);
      await cluster.node(1).run((io) => io.to('room').emit('missed', 1));
      await client.connect(cluster.node(1));

      expect(client).toMatchObject({ recovered: true, id });
      expect(await client.next('missed')).toEqual([[1]]);
    });

    check('a session that has expired makes a fresh connection', async () => {
      const cluster = await startCluster({
        adapter,
        nodes: 1,
        serverOptions: { connectionStateRecovery: { maxDisconnectionDuration: 150 } },
      });
      const client = await connectAndReceive(cluster, 0);
      const { id } = client;
      await client.drop();
      const key = await cluster.sessionSaved(client);
      await waitFor(async () => (await cluster.redis.exists(key)) === 0, { what: 'the session to expire' });
      await client.connect();

      expect(client.recovered).toBe(false);
      await expectFresh(cluster, client, id);
    });

    check('a client whose missed packets were trimmed starts afresh', async () => {
      const cluster = await startCluster({ adapter, nodes: 1, serverOptions: { connectionStateRecovery: {} } });
      const client = await connectAndReceive(cluster, 0);
      const { id } = client;
      await client.drop();
      await cluster.sessionSaved(client);
      await cluster.node(0).run((io) => void [1, 2, 3].forEach((n) => io.emit('missed', n)));
      await waitForEntries(cluster, '"missed"', 3);
      await cluster.redis.xTrim(cluster.streamName, 'MAXLEN', 1);
      // A node that has not read them itself: there is no other trace of the packets.
      await client.connect(await cluster.addNode());

      expect(client.recovered).toBe(false);
      await expectFresh(cluster, client, id);
    });

    check('skipMiddlewares is honoured', async () => {
      const cluster = await startCluster({
        adapter,
        nodes: [{}, { serverOptions: { connectionStateRecovery: { skipMiddlewares: false } } }],
        serverOptions: { connectionStateRecovery: {} },
        setup: (io, ctx) => {
          io.use((socket, next) => {
            ctx.record('middleware')(socket.recovered);
            setImmediate(next);
          });
        },
      });
      const client = await connectAndReceive(cluster, 0);
      for (const node of [0, 1]) {
        await client.drop();
        await cluster.sessionSaved(client);
        await client.connect(cluster.node(node));
        expect(client.recovered).toBe(true);
      }

      expect(await cluster.node(0).recorded('middleware')).toEqual([[false]]);
      expect(await cluster.node(1).recorded('middleware')).toEqual([[true]]);
    });
  });
}

interface AwayOptions {
  namespace?: string;
  rooms?: string[];
  data?: unknown;
}

/** A client of node 0 that received one packet, `before`, and so has an offset. */
async function connectAndReceive(cluster: Cluster, index: number, namespace = '/'): Promise<TestClient> {
  const client = await cluster.connect(index, { namespace });
  await cluster.node(index).run((io, _ctx, nsp, id) => io.of(nsp).to(id).emit('before'), namespace, client.id);
  await client.next('before');
  return client;
}

/** A client of node 0 that has lost its connection and whose session is saved. */
async function away(cluster: Cluster, options: AwayOptions = {}): Promise<TestClient & { idBefore: string }> {
  const { namespace = '/', rooms = [], data = {} } = options;
  const client = await connectAndReceive(cluster, 0, namespace);
  await cluster.node(0).run(
    (io, _ctx, nsp, id, names, value) => {
      const socket = io.of(nsp).sockets.get(id)!;
      socket.data = value;
      void socket.join(names);
    },
    namespace,
    client.id,
    rooms,
    data,
  );
  const idBefore = client.id;
  await client.drop();
  await cluster.sessionSaved(client);
  return Object.assign(client, { idBefore });
}

async function stateOf(
  cluster: Cluster,
  client: TestClient,
): Promise<{ recovered: boolean; rooms: string[]; data: unknown }> {
  return cluster.nodeOf(client).run(
    (io, _ctx, nsp, id) => {
      const socket = io.of(nsp).sockets.get(id)!;
      return {
        recovered: socket.recovered,
        rooms: [...socket.rooms].filter((room) => room !== id).toSorted(),
        data: socket.data as unknown,
      };
    },
    client.namespace,
    client.id,
  );
}

/** The node made a session of its own for the client, and serves it. What the client says of it counts only if it had the session before. */
async function expectFresh(cluster: Cluster, client: TestClient, otherId: string): Promise<void> {
  const { namespace, id } = client;
  expect(id).not.toBe(otherId);
  expect(await stateOf(cluster, client)).toMatchObject({ recovered: false, rooms: [] });
  await cluster.nodeOf(client).run((io, _ctx, nsp, room) => io.of(nsp).to(room).emit('alive'), namespace, id);
  await client.next('alive');
}

/** Waits until the stream holds that many entries whose data contain the text. */
async function waitForEntries(cluster: Cluster, text: string, count: number): Promise<void> {
  await waitFor(
    async () => {
      const entries = (await cluster.redis.xRange(cluster.streamName, '-', '+')) ?? [];
      return (
        entries.filter(({ message }) => JSON.stringify(message).includes(JSON.stringify(text).slice(1, -1))).length >=
        count
      );
    },
    { what: `${count} entries with ${text} in the stream` },
  );
}

function byPosition(a: string, b: string): number {
  const [aTime = 0, aSequence = 0] = a.split('-').map(Number);
  const [bTime = 0, bSequence = 0] = b.split('-').map(Number);
  return aTime - bTime || aSequence - bSequence;
}
