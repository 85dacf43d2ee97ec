import { describe, expect } from 'vitest';
import { byPosition, OFFSET } from './sessions.js';
import { outcome, threeClients, type Suite } from './suite.js';

/** What connection state recovery appends to packets. */
export function offsets(suite: Suite): void {
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
      const [entry] = near![0]!.split('.') as [string];
      expect(await cluster().redis.xRange(cluster().streamName, entry, entry)).toHaveLength(1);
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
      await cluster().writable(clients);
      await cluster()
        .node(0)
        .run((io) => {
          io.volatile.emit('volatile', 1);
          io.local.emit('local', 1);
        });
      // the barrier of another node, were it there first, would keep the connection from taking it
      await Promise.all(clients.map((client) => client.next('volatile')));
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
      await cluster().writable(clients);
      await cluster()
        .node(0)
        .run((io) => {
          io.volatile.emit('volatile', 'a string');
          io.local.emit('local', 'a string');
          io.local.emit('local date', new Date(0));
        });
      await Promise.all([...clients.map((client) => client.next('volatile')), clients[0].next('local date')]);

      expect(clients.map(({ offset }) => offset)).toEqual(before);
      expect(clients[1].received('volatile')[0]![0]).toBe('a string');
      expect(clients[0].received('local')[0]![0]).toBe('a string');
    });
  });
}
