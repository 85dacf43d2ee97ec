import { describe, expect } from 'vitest';
import { waitFor, type TestClient } from '../harness/index.js';
import { outcome, threeClients, type Suite } from './suite.js';

type Acknowledge = (...args: unknown[]) => void;

/** Long enough for answers on a busy machine; what waits it out does so on purpose. */
const PATIENCE_MS = 5_000;

/** Makes the client answer `question` with its first argument and an addition of its own. */
function answering(client: TestClient, own: string): void {
  client.socket.on('question', (text: string, acknowledge: Acknowledge) => acknowledge(`${text} ${own}`));
}

/** Broadcasts that clients answer. */
export function acks(suite: Suite): void {
  const { check, cluster } = suite;

  describe('acks', () => {
    check('a callback gets the answers of every client of every node', async () => {
      const clients = await threeClients(suite);
      clients.forEach((client, index) => answering(client, `from ${index}`));
      const result = await cluster()
        .node(0)
        .run(
          (io, _ctx, timeout) =>
            new Promise((resolve) => {
              io.timeout(timeout).emit('question', 'hi', (error: Error | null, answers: string[]) =>
                resolve({ error, answers: answers.toSorted() }),
              );
            }),
          PATIENCE_MS,
        );

      expect(result).toEqual({ error: null, answers: ['hi from 0', 'hi from 1', 'hi from 2'] });
    });

    check('emitWithAck() resolves with the answers, rooms and exceptions honoured', async () => {
      const clients = await threeClients(suite);
      const second = await cluster().connect(0);
      [...clients, second].forEach((client, index) => answering(client, `from ${index}`));
      await Promise.all([second, clients[1], clients[2]].map((client) => cluster().join(client, 'room')));
      await cluster().join(clients[2], 'muted');
      const answers = await cluster()
        .node(0)
        .run(
          (io, _ctx, timeout) => io.to('room').except('muted').timeout(timeout).emitWithAck('question', 'hi'),
          PATIENCE_MS,
        );

      expect(answers.toSorted()).toEqual(['hi from 1', 'hi from 3']);
      expect((await outcome(suite, clients, 'question')).map(({ length }) => length)).toEqual([0, 1, 0]);
    });

    check('a broadcast of a socket with acknowledgement leaves out the sender', async () => {
      const clients = await threeClients(suite);
      clients.forEach((client, index) => answering(client, `from ${index}`));
      const answers = await cluster()
        .node(0)
        .run(
          (io, _ctx, id, timeout) =>
            io.of('/').sockets.get(id)!.broadcast.timeout(timeout).emitWithAck('question', 'hi'),
          clients[0].id,
          PATIENCE_MS,
        );

      expect(answers.toSorted()).toEqual(['hi from 1', 'hi from 2']);
    });

    check('a broadcast to nobody is complete as soon as every node said so', async () => {
      await threeClients(suite);
      const result = await cluster()
        .node(0)
        .run(async (io, _ctx, timeout) => {
          const start = performance.now();
          const answers = await io.to('empty room').timeout(timeout).emitWithAck('question', 'hi');
          return { answers, early: performance.now() - start < timeout / 2 };
        }, PATIENCE_MS);

      expect(result).toEqual({ answers: [], early: true });
    });

    check('the error of a timeout carries the answers that did come', async () => {
      const clients = await threeClients(suite);
      answering(clients[0], 'from 0');
      answering(clients[1], 'from 1');
      const failure = await cluster()
        .node(0)
        .run((io) =>
          io
            .timeout(2_000)
            .emitWithAck('question', 'hi')
            .then(
              () => undefined,
              (error: Error & { responses: string[] }) => ({
                message: error.message,
                responses: error.responses.toSorted(),
              }),
            ),
        );

      expect(failure).toEqual({ message: 'operation has timed out', responses: ['hi from 0', 'hi from 1'] });
      expect(await clients[2].next('question')).toHaveLength(1);
    });

    check('local asks the clients of the node alone', async () => {
      const clients = await threeClients(suite);
      clients.forEach((client, index) => answering(client, `from ${index}`));
      const answers = await cluster()
        .node(0)
        .run((io) =>
          io.local
            .timeout(2_000)
            .emitWithAck('question', 'hi')
            // Socket.IO itself waits for the count of every node, whichever were asked.
            .catch((error: Error & { responses: string[] }) => error.responses),
        );

      expect(answers).toEqual(['hi from 0']);
      expect((await outcome(suite, clients, 'question')).map(({ length }) => length)).toEqual([1, 0, 0]);
    });

    check('the first argument of an answer counts, also when there is none', async () => {
      const clients = await threeClients(suite);
      clients[0].socket.on('question', (_text: string, acknowledge: Acknowledge) => acknowledge('a', 'b'));
      clients[1].socket.on('question', (_text: string, acknowledge: Acknowledge) => acknowledge('c', 'd'));
      clients[2].socket.on('question', (_text: string, acknowledge: Acknowledge) => acknowledge());
      const answers = await cluster()
        .node(0)
        .run((io, _ctx, timeout) => io.timeout(timeout).emitWithAck('question', 'hi'), PATIENCE_MS);

      expect(answers).toHaveLength(3);
      expect(answers).toEqual(expect.arrayContaining(['a', 'c']));
    });

    check('a socket gets the answer of its client', async () => {
      const clients = await threeClients(suite);
      answering(clients[0], 'from 0');
      const result = await cluster()
        .node(0)
        .run(
          async (io, _ctx, id, timeout) => {
            const socket = io.of('/').sockets.get(id)!;
            return {
              answer: await socket.timeout(timeout).emitWithAck('question', 'hi'),
              error: await socket
                .timeout(50)
                .emitWithAck('unanswered')
                .catch((error: Error) => error.message),
            };
          },
          clients[0].id,
          PATIENCE_MS,
        );

      expect(result).toEqual({ answer: 'hi from 0', error: 'operation has timed out' });
      expect((await outcome(suite, clients, 'question')).map(({ length }) => length)).toEqual([1, 0, 0]);
    });

    check('a remote socket gets the one answer of its client, or an error', async () => {
      const clients = await threeClients(suite);
      answering(clients[1], 'from 1');
      const result = await cluster()
        .node(0)
        .run(
          async (io, _ctx, id, timeout) => {
            const [socket] = await io.in(id).fetchSockets();
            return {
              answer: await socket!.timeout(timeout).emitWithAck('question', 'hi'),
              error: await socket!
                .timeout(200)
                .emitWithAck('unanswered')
                .catch((error: Error) => error.message),
            };
          },
          clients[1].id,
          PATIENCE_MS,
        );

      expect(result).toEqual({ answer: 'hi from 1', error: 'operation has timed out' });
    });

    check('packets with an acknowledgement carry no offset', async () => {
      const clients = await threeClients(suite);
      clients.forEach((client, index) => answering(client, `from ${index}`));
      await cluster()
        .node(0)
        .run(
          async (io, _ctx, id, timeout) => {
            await io.timeout(timeout).emitWithAck('question', 'broadcast');
            await io.of('/').sockets.get(id)!.timeout(timeout).emitWithAck('question', 'socket');
          },
          clients[0].id,
          PATIENCE_MS,
        );

      const [near, far] = await outcome(suite, clients, 'question');
      expect(near).toEqual([
        ['broadcast', expect.any(Function)],
        ['socket', expect.any(Function)],
      ]);
      expect(far).toEqual([['broadcast', expect.any(Function)]]);
    });

    check('packets of a socket keep their order, whether they ask for an acknowledgement or not', async () => {
      const clients = await threeClients(suite);
      clients[0].socket.on('asked', (n: number, acknowledge: Acknowledge) => acknowledge(n));
      const answers = await cluster()
        .node(0)
        .run(
          (io, _ctx, id, timeout) => {
            const socket = io.of('/').sockets.get(id)!;
            const asked: Promise<unknown>[] = [];
            for (let n = 0; n < 20; n += 2) {
              socket.emit('told', n);
              asked.push(socket.timeout(timeout).emitWithAck('asked', n + 1));
            }
            return Promise.all(asked);
          },
          clients[0].id,
          PATIENCE_MS,
        );

      expect(answers).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
      expect(clients[0].events.map(({ args }) => args[0])).toEqual(Array.from({ length: 20 }, (_, n) => n));
    });

    check('broadcasts keep their order, whether they ask for an acknowledgement or not', async () => {
      const clients = await threeClients(suite);
      clients.forEach(({ socket }) => socket.on('asked', (n: number, acknowledge: Acknowledge) => acknowledge(n)));
      await cluster()
        .node(0)
        .run(async (io, _ctx, timeout) => {
          const asked: Promise<unknown>[] = [];
          for (let n = 0; n < 20; n += 2) {
            io.emit('told', n);
            asked.push(io.timeout(timeout).emitWithAck('asked', n + 1));
          }
          await Promise.all(asked);
        }, PATIENCE_MS);
      await cluster().barrier();

      const expected = Array.from({ length: 20 }, (_, n) => n);
      const received = clients.map(({ events }) => events.map(({ args }) => args[0]));
      expect(received).toEqual([expected, expected, expected]);
    });

    check('onAnyOutgoing() fires on every node', async () => {
      const clients = await threeClients(suite);
      clients.forEach((client, index) => answering(client, `from ${index}`));
      await Promise.all(
        clients.map((client, index) =>
          cluster()
            .node(index)
            .run((io, ctx, id) => {
              io.of('/')
                .sockets.get(id)!
                .onAnyOutgoing(ctx.record(`asked ${id}`));
            }, client.id),
        ),
      );
      await cluster()
        .node(0)
        .run((io, _ctx, timeout) => io.timeout(timeout).emitWithAck('question', 'hi'), PATIENCE_MS);

      for (const [index, client] of clients.entries()) {
        expect((await cluster().node(index).recorded(`asked ${client.id}`))[0]).toEqual(['question', 'hi']);
      }
    });

    check('acknowledgements that came leave nothing behind', async () => {
      const clients = await threeClients(suite);
      clients.forEach((client, index) => answering(client, `from ${index}`));
      const before = await pendingAcks(suite, clients);
      await cluster()
        .node(0)
        .run((io, _ctx, timeout) => io.timeout(timeout).emitWithAck('question', 'hi'), PATIENCE_MS);

      await waitForPendingAcks(suite, clients, before);
    });

    check('acknowledgements that never came leave nothing behind', async () => {
      const clients = await threeClients(suite);
      const before = await pendingAcks(suite, clients);
      await cluster()
        .node(0)
        .run((io) =>
          io
            .timeout(200)
            .emitWithAck('question', 'hi')
            .catch(() => undefined),
        );
      await outcome(suite, clients, 'question');

      await waitForPendingAcks(suite, clients, before);
    });
  });
}

/** How many acknowledgements each node waits for, in the maps that Socket.IO itself has for that. */
function pendingAcks(suite: Suite, clients: TestClient[]): Promise<number[]> {
  return Promise.all(
    clients.map((client, index) =>
      suite
        .cluster()
        .node(index)
        .run((io, _ctx, id) => {
          const { acks: own } = io.of('/').sockets.get(id) as unknown as { acks: Map<number, unknown> };
          const { ackRequests } = io.of('/').adapter as unknown as { ackRequests?: Map<string, unknown> };
          return own.size + (ackRequests?.size ?? 0);
        }, client.id),
    ),
  );
}

/** Requests of checks that came before may still run into their timeout, so that `before` is a limit and no target. */
async function waitForPendingAcks(suite: Suite, clients: TestClient[], before: number[]): Promise<void> {
  let counts: number[] = [];
  await waitFor(
    async () => {
      counts = await pendingAcks(suite, clients);
      return counts.every((count, index) => count <= before[index]!);
    },
    {
      what: () => `pending acknowledgements to be forgotten: ${counts.join()} on the nodes, ${before.join()} before`,
    },
  );
}
