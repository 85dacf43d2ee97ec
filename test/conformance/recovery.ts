import { describe, expect } from 'vitest';
import { away, connectAndReceive, OFFSET, stateOf, waitForTexts } from './sessions.js';
import type { Suite } from './suite.js';

/** Clients that lose their connection and come back. */
export function recovery(suite: Suite): void {
  const { check, cluster } = suite;
  if (!suite.recovery) {
    return;
  }

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
      await waitForTexts(cluster(), '"lost"', 2);
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
        .run((io) => io.timeout(5_000).emitWithAck('with acknowledgement'));
      const witness = await cluster().connect(1);
      await cluster()
        .node(0)
        .run((io) => {
          io.volatile.emit('volatile', 1);
          io.local.emit('local', 1);
          io.emit('firm', 1);
        });
      // until the node has read them, they are to come to the client as to everybody
      await witness.next('firm');
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
}
