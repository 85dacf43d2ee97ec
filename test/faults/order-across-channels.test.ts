import { describe, expect, it } from 'vitest';
import { useCluster, type TestClient } from '../harness/index.js';

const TIMES = 1_000;
/** Operations that are under way at once; the first of them finds nothing waiting, the others do. */
const AT_ONCE = 50;

for (const recovery of [false, true]) {
  describe(`operations of one node take effect on the others in the order issued (recovery ${recovery ? 'on' : 'off'})`, () => {
    const cluster = useCluster({ serverOptions: recovery ? { connectionStateRecovery: {} } : {} });

    it('socketsJoin, then emitWithAck: every client that joined is asked', async () => {
      const clients = await cluster().connectEach();
      for (const { socket } of clients) socket.on('question', (_n, answer) => answer('yes'));
      const answers = await cluster()
        .node(0)
        .run(
          async (io, _ctx, times, atOnce) => {
            const counts: Record<number, number> = {};
            for (let n = 0; n < times; n += atOnce) {
              const asked = Array.from({ length: atOnce }, (_, i) => {
                io.socketsJoin(`asked ${n + i}`);
                return io
                  .to(`asked ${n + i}`)
                  .timeout(10_000)
                  .emitWithAck('question', n + i);
              });
              for (const { length } of await Promise.all(asked)) counts[length] = (counts[length] ?? 0) + 1;
            }
            return counts;
          },
          TIMES,
          AT_ONCE,
        );

      expect(answers).toEqual({ [clients.length]: TIMES });
    });

    it('fetchSockets, then socketsLeave: every client of the other node is found in the room', async () => {
      const [, far] = await cluster().connectEach();
      const found = await cluster()
        .node(0)
        .run(
          async (io, _ctx, id, times) => {
            let count = 0;
            for (let n = 0; n < times; n += 1) {
              const room = `left ${n}`;
              io.in(id).socketsJoin(room);
              const fetched = io.in(id).fetchSockets();
              io.in(id).socketsLeave(room);
              const [socket] = await fetched;
              if (socket?.rooms.has(room)) count += 1;
            }
            return count;
          },
          far!.id,
          TIMES,
        );

      expect(found).toBe(TIMES);
    });

    it('socketsJoin, then fetchSockets: every client that joined is found', async () => {
      const clients = await cluster().connectEach();
      const found = await cluster()
        .node(0)
        .run(
          async (io, _ctx, times, atOnce) => {
            const counts: Record<number, number> = {};
            for (let n = 0; n < times; n += atOnce) {
              const fetched = Array.from({ length: atOnce }, (_, i) => {
                io.socketsJoin(`found ${n + i}`);
                return io.in(`found ${n + i}`).fetchSockets();
              });
              for (const { length } of await Promise.all(fetched)) counts[length] = (counts[length] ?? 0) + 1;
            }
            return counts;
          },
          TIMES,
          AT_ONCE,
        );

      expect(found).toEqual({ [clients.length]: TIMES });
    });

    it('socketsLeave, then emit: nobody who left is told', async () => {
      const clients = await cluster().connectEach();
      await cluster()
        .node(0)
        .run((io, _ctx, times) => {
          for (let n = 0; n < times; n++) {
            io.socketsJoin(`room ${n}`);
            io.to(`room ${n}`).emit('before', n);
            io.in(`room ${n}`).socketsLeave(`room ${n}`);
            io.to(`room ${n}`).emit('after', n);
          }
        }, TIMES);
      await cluster().barrier();

      for (const client of clients) {
        expect(client.received('before')).toEqual(Array.from({ length: TIMES }, (_, n) => [n]));
        expect(client.received('after')).toEqual([]);
      }
    });

    it('emit, then disconnectSockets: everybody has the last words', async () => {
      await cluster()
        .node(1)
        .run((io) => void io.of('/words').on('connection', ({ id }) => io.of('/words').serverSideEmit('came', id)));
      await cluster()
        .node(0)
        .run((io) => {
          const farewell = (id: string): void => {
            io.of('/words').to(id).emit('last words', id);
            io.of('/words').in(id).disconnectSockets();
          };
          io.of('/words')
            .on('came', farewell)
            .on('connection', ({ id }) => farewell(id));
        });
      const clients = await Promise.all(
        Array.from({ length: AT_ONCE }, (_, i) => cluster().connect(i % cluster().nodes.length)),
      );
      const heard = await Promise.all(clients.map((client) => visits(client, '/words', TIMES / AT_ONCE)));

      expect(heard.flat()).toEqual(Array(TIMES).fill(true));
    });

    it('emit, then disconnectSockets(true): everybody has the last words', async () => {
      const clients = await Promise.all(
        Array.from({ length: AT_ONCE }, (_, i) => cluster().connect(i % cluster().nodes.length)),
      );
      await cluster()
        .node(0)
        .run((io) => {
          io.emit('last words');
          io.disconnectSockets(true);
        });
      await Promise.all(clients.map((client) => client.disconnected()));

      expect(clients.map((client) => client.received('last words').length)).toEqual(Array(AT_ONCE).fill(1));
    });

    it('disconnectSockets, and emit by its disconnect listener: nobody who is disconnected is told', async () => {
      const clients = await cluster().connectEach();
      await cluster()
        .node(0)
        .run((io) => {
          for (const socket of io.sockets.sockets.values()) socket.on('disconnect', () => io.emit('somebody left'));
          io.disconnectSockets();
        });
      await Promise.all(clients.map((client) => client.disconnected()));

      expect(clients[1]!.events).toEqual([]);
    });

    it('emit and serverSideEmit in turn: they come in turn', async () => {
      const [, far] = await cluster().connectEach();
      await cluster()
        .node(1)
        .run((io, ctx, id) => {
          const keep = ctx.record('turns');
          io.sockets.sockets.get(id)!.onAnyOutgoing((event: string, n: number) => void (event === 'turn' && keep(n)));
          io.on('turn', (n: number) => keep(n));
        }, far!.id);
      await cluster()
        .node(0)
        .run((io, _ctx, times) => {
          for (let n = 0; n < times; n += 2) {
            io.emit('turn', n);
            io.serverSideEmit('turn', n + 1);
          }
        }, TIMES);

      expect(await cluster().node(1).recorded('turns', TIMES)).toEqual(Array.from({ length: TIMES }, (_, n) => [n]));
    });
  });
}

/** Connects to the namespace again and again, each time until it is disconnected there; tells each time whether it heard its last words. */
async function visits(client: TestClient, namespace: string, times: number): Promise<boolean[]> {
  const socket = client.socket.io.socket(namespace);
  const heard: boolean[] = [];
  let lastWords: unknown;
  let id: string | undefined;
  socket.on('connect', () => (id = socket.id));
  socket.on('last words', (words: unknown) => (lastWords = words));
  for (let n = 0; n < times; n++) {
    // a client that comes back with its session is another matter
    Object.assign(socket, { _pid: undefined });
    const gone = new Promise((resolve) => socket.once('disconnect', resolve));
    socket.connect();
    await gone;
    heard.push(id !== undefined && lastWords === id);
  }
  return heard;
}
