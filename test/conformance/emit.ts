import { describe, expect } from 'vitest';
import { outcome, threeClients, type Suite } from './suite.js';

/** Broadcasts. Every operation starts on node 0, so that its client is the near one. */
export function emit(suite: Suite): void {
  const { check, cluster } = suite;
  const none: unknown[][] = [];

  describe('emit', () => {
    check('emit() reaches every client of every node', async () => {
      const clients = await threeClients(suite);
      const answer = await cluster()
        .node(0)
        .run((io) => io.emit('news', 'text', 1, { nested: [true, null] }));

      const expected = [['text', 1, { nested: [true, null] }]];
      expect(answer).toBe(true);
      expect(await outcome(suite, clients, 'news')).toEqual([expected, expected, expected]);
    });

    check('send() and write() emit a message', async () => {
      const clients = await threeClients(suite);
      await cluster()
        .node(0)
        .run((io) => void io.send('sent', 1).write('written', 2));

      const expected = [
        ['sent', 1],
        ['written', 2],
      ];
      expect(await outcome(suite, clients, 'message')).toEqual([expected, expected, expected]);
    });

    check('many packets arrive in the order in which they were emitted', async () => {
      const clients = await threeClients(suite);
      await Promise.all(clients.map((client) => cluster().join(client, 'all')));
      await cluster()
        .node(0)
        .run((io) => {
          for (let n = 0; n < 300; n += 1) {
            (n % 2 ? io.to('all') : io).emit('numbered', n);
          }
        });

      const expected = Array.from({ length: 300 }, (_, n) => [n]);
      expect(await outcome(suite, clients, 'numbered')).toEqual([expected, expected, expected]);
    });

    check('the payload is what it was when emit() was called', async () => {
      const clients = await threeClients(suite);
      await cluster()
        .node(0)
        .run((io) => {
          const payload = { n: 1 };
          io.emit('snapshot', payload);
          payload.n = 2;
        });

      expect(await outcome(suite, clients, 'snapshot')).toEqual([[[{ n: 1 }]], [[{ n: 1 }]], [[{ n: 1 }]]]);
    });

    for (const method of ['to', 'in'] as const) {
      check(`${method}() reaches the clients of the room, on every node`, async () => {
        const clients = await threeClients(suite);
        const second = await cluster().connect(0);
        await Promise.all([cluster().join(second, 'room'), cluster().join(clients[1], 'room')]);
        await cluster()
          .node(0)
          .run((io, _ctx, name) => io[name]('room').emit('news', 1), method);

        expect(await outcome(suite, [...clients, second], 'news')).toEqual([none, [[1]], none, [[1]]]);
      });
    }

    check('rooms that are chained or in an array are united, and each socket gets the packet once', async () => {
      const clients = await threeClients(suite);
      const second = await cluster().connect(0);
      await cluster().join(second, 'a', 'b', 'c');
      await cluster().join(clients[1], 'a', 'b', 'c');
      await cluster().join(clients[2], 'c');
      await cluster()
        .node(0)
        .run((io) => io.to('a').in(['b', 'c']).to('unknown').emit('news', 1));

      expect(await outcome(suite, [...clients, second], 'news')).toEqual([none, [[1]], [[1]], [[1]]]);
    });

    check('except() leaves out rooms, chained or in an array', async () => {
      const clients = await threeClients(suite);
      const second = await cluster().connect(0);
      await cluster().join(second, 'a');
      await cluster().join(clients[1], 'b');
      await cluster().join(clients[2], 'other');
      await cluster()
        .node(0)
        .run((io) => {
          io.except('a').except(['b', 'c']).emit('chained', 1);
          io.except('a').emit('one', 1);
        });

      expect(await outcome(suite, [...clients, second], 'chained')).toEqual([[[1]], none, [[1]], none]);
      expect(await outcome(suite, [...clients, second], 'one')).toEqual([[[1]], [[1]], [[1]], none]);
    });

    check('to() and except() together reach the difference', async () => {
      const clients = await threeClients(suite);
      const second = await cluster().connect(0);
      await cluster().join(second, 'room', 'muted');
      await cluster().join(clients[0], 'room');
      await cluster().join(clients[1], 'room', 'muted');
      await cluster().join(clients[2], 'room');
      await cluster()
        .node(0)
        .run((io) => io.to('room').except('muted').emit('news', 1));

      expect(await outcome(suite, [...clients, second], 'news')).toEqual([[[1]], none, [[1]], none]);
    });

    check('the id of a socket is a room, for to() and for except()', async () => {
      const clients = await threeClients(suite);
      await cluster()
        .node(0)
        .run(
          (io, _ctx, near, far) => {
            io.to(far).emit('to far', 1);
            io.to(near).emit('to near', 1);
            io.except(far).emit('not far', 1);
          },
          clients[0].id,
          clients[1].id,
        );

      expect(await outcome(suite, clients, 'to far')).toEqual([none, [[1]], none]);
      expect(await outcome(suite, clients, 'to near')).toEqual([[[1]], none, none]);
      expect(await outcome(suite, clients, 'not far')).toEqual([[[1]], none, [[1]]]);
    });

    check('a broadcast of a socket excludes the sender', async () => {
      const clients = await threeClients(suite);
      const second = await cluster().connect(0);
      await Promise.all([...clients, second].map((client) => cluster().join(client, 'room')));
      await cluster().join(clients[2], 'muted');
      await cluster()
        .node(0)
        .run((io, _ctx, id) => {
          const socket = io.of('/').sockets.get(id)!;
          socket.broadcast.emit('broadcast', 1);
          socket.to('room').emit('to', 1);
          socket.in('room').except('muted').emit('in', 1);
          socket.except('muted').emit('except', 1);
        }, clients[0].id);

      const all = [...clients, second];
      expect(await outcome(suite, all, 'broadcast')).toEqual([none, [[1]], [[1]], [[1]]]);
      expect(await outcome(suite, all, 'to')).toEqual([none, [[1]], [[1]], [[1]]]);
      expect(await outcome(suite, all, 'in')).toEqual([none, [[1]], none, [[1]]]);
      expect(await outcome(suite, all, 'except')).toEqual([none, [[1]], none, [[1]]]);
    });

    check('a room that is undefined or null is one that nobody is in', async () => {
      const clients = await threeClients(suite);
      const found = await cluster()
        .node(0)
        .run(async (io) => {
          // as where the name of a room comes from somewhere else, and is not there
          const none = [undefined, null] as unknown as string[];
          for (const room of none) io.to(room).emit('news', 1);
          for (const room of none) io.except(room).emit('news', 2);
          io.emit('news', 3);
          const sockets = await Promise.all(none.map((room) => io.in(room).fetchSockets()));
          return sockets.flat().length;
        });

      expect(found).toBe(0);
      const all = [[2], [2], [3]];
      expect(await outcome(suite, clients, 'news')).toEqual([all, all, all]);
    });

    check('emit() of a socket reaches its client alone', async () => {
      const clients = await threeClients(suite);
      await cluster()
        .node(0)
        .run((io, _ctx, id) => io.of('/').sockets.get(id)!.emit('mine', 1), clients[0].id);

      expect(await outcome(suite, clients, 'mine')).toEqual([[[1]], none, none]);
    });

    check('local keeps a broadcast on its node', async () => {
      const clients = await threeClients(suite);
      await Promise.all(clients.map((client) => cluster().join(client, 'room')));
      await cluster()
        .node(0)
        .run((io, _ctx, id) => {
          io.local.emit('local', 1);
          io.to('room').local.emit('local room', 1);
          io.of('/').sockets.get(id)!.local.emit('local of a socket', 1);
        }, clients[0].id);

      expect(await outcome(suite, clients, 'local')).toEqual([[[1]], none, none]);
      expect(await outcome(suite, clients, 'local room')).toEqual([[[1]], none, none]);
      expect(await outcome(suite, clients, 'local of a socket')).toEqual([none, none, none]);
    });

    check('volatile drops the packet where the connection cannot take it, on every node', async () => {
      const clients = await threeClients(suite);
      await cluster().writable(clients);
      await Promise.all([0, 1].map((index) => blockTransport(suite, index, clients[index]!.id)));
      await cluster()
        .node(0)
        .run((io) => {
          io.volatile.emit('volatile', 1);
          io.emit('firm', 1);
        });
      await Promise.all([0, 1].map((index) => unblockTransport(suite, index, clients[index]!.id)));

      expect(await outcome(suite, clients, 'firm')).toEqual([[[1]], [[1]], [[1]]]);
      expect(await outcome(suite, clients, 'volatile')).toEqual([none, none, [[1]]]);
    });

    check('compress reaches the connection, on every node', async () => {
      const clients = await threeClients(suite);
      await Promise.all(
        [0, 1].map((index) =>
          cluster()
            .node(index)
            .run((io, ctx, id) => {
              const { client } = io.of('/').sockets.get(id) as unknown as { client: Writer };
              const write = client.writeToEngine;
              const seen = ctx.record(`compress of ${id}`);
              client.writeToEngine = (packets, options) => {
                if (/flat|squeezed/.test(String(packets))) {
                  seen(options.compress);
                }
                write.call(client, packets, options);
              };
            }, clients[index]!.id),
        ),
      );
      await cluster()
        .node(0)
        .run((io) => {
          io.compress(false).emit('flat', 1);
          io.compress(true).emit('squeezed', 1);
        });

      expect(await outcome(suite, clients, 'flat')).toEqual([[[1]], [[1]], [[1]]]);
      expect(await cluster().node(0).recorded(`compress of ${clients[0].id}`)).toEqual([[false], [true]]);
      expect(await cluster().node(1).recorded(`compress of ${clients[1].id}`)).toEqual([[false], [true]]);
    });

    check('timeout without an acknowledgement changes nothing', async () => {
      const clients = await threeClients(suite);
      await cluster()
        .node(0)
        .run((io) => io.timeout(10).emit('news', 1));

      expect(await outcome(suite, clients, 'news')).toEqual([[[1]], [[1]], [[1]]]);
    });

    check('reserved names throw', async () => {
      const [{ id }] = await threeClients(suite);
      const messages = await cluster()
        .node(0)
        .run((io, _ctx, socketId) => {
          const reserved = ['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'];
          const message = (call: () => unknown): string => {
            try {
              call();
              return 'nothing was thrown';
            } catch (error) {
              return (error as Error).message;
            }
          };
          return [
            ...reserved.map((name) => message(() => io.emit(name))),
            ...reserved.map((name) => message(() => io.to('room').emit(name))),
            ...reserved.map((name) => message(() => io.of('/').sockets.get(socketId)!.emit(name))),
            ...['connect', 'connection', 'new_namespace'].map((name) => message(() => io.serverSideEmit(name))),
          ];
        }, id);

      expect(messages).toEqual(messages.map(() => expect.stringMatching(/is a reserved event name/)));
      expect(messages).toHaveLength(21);
    });

    check('onAnyOutgoing() fires on every node', async () => {
      const clients = await threeClients(suite);
      await Promise.all(
        [0, 1].map((index) =>
          cluster()
            .node(index)
            .run((io, ctx, id) => {
              io.of('/')
                .sockets.get(id)!
                .onAnyOutgoing(ctx.record(`outgoing of ${id}`));
            }, clients[index]!.id),
        ),
      );
      await cluster()
        .node(0)
        .run((io) => io.emit('news', 1));
      await outcome(suite, clients, 'news');

      // With recovery on, the offset comes last.
      const outgoing = expect.arrayContaining([expect.arrayContaining(['news', 1])]) as unknown;
      expect(await cluster().node(0).recorded(`outgoing of ${clients[0].id}`)).toEqual(outgoing);
      expect(await cluster().node(1).recorded(`outgoing of ${clients[1].id}`)).toEqual(outgoing);
    });
  });
}

interface Connection {
  conn: { transport: { writable: boolean }; writeBuffer: unknown[]; flush(): void };
}

interface Writer {
  writeToEngine(packets: unknown, options: { compress?: boolean }): void;
}

async function blockTransport(suite: Suite, index: number, id: string): Promise<void> {
  await suite
    .cluster()
    .node(index)
    .run((io, _ctx, socketId) => {
      (io.of('/').sockets.get(socketId) as unknown as Connection).conn.transport.writable = false;
    }, id);
}

/** Opens the transport again, once a packet waits for it. */
async function unblockTransport(suite: Suite, index: number, id: string): Promise<void> {
  await suite
    .cluster()
    .node(index)
    .run(async (io, ctx, socketId) => {
      const { conn } = io.of('/').sockets.get(socketId) as unknown as Connection;
      await ctx.waitFor(() => conn.writeBuffer.length > 0);
      conn.transport.writable = true;
      conn.flush();
    }, id);
}
