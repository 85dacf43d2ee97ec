import { describe, expect, it } from 'vitest';
import { useCluster } from '../harness/index.js';
import { away, numbers } from './support/away.js';

const NAMESPACES = ['/', '/a', '/b', '/c', '/d', '/e'];

for (const recovery of [false, true]) {
  describe(`namespaces that are spread over three streams (recovery: ${recovery})`, () => {
    const cluster = useCluster({
      adapterOptions: { streamCount: 3 },
      ...(recovery && { serverOptions: { connectionStateRecovery: {} } }),
      setup: (io) => {
        for (const name of ['/', '/a', '/b', '/c', '/d', '/e']) {
          io.of(name).on('question', (answer: (value: string) => void) => answer(name));
        }
      },
    });

    it('pass every operation on, each through the stream of its namespace', async () => {
      const clients = await Promise.all(NAMESPACES.map((namespace) => cluster().connect(1, { namespace })));
      for (const client of clients)
        client.socket.on('question', (answer: (name: string) => void) => answer(client.namespace));
      const results = await cluster()
        .node(0)
        .run(
          (io, _ctx, names) =>
            Promise.all(
              names.map(async (name) => {
                const nsp = io.of(name);
                nsp.socketsJoin('room');
                for (let n = 0; n < 20; n += 1) nsp.to('room').emit('packet', n);
                const acks = await nsp.to('room').timeout(20_000).emitWithAck('question');
                nsp.socketsLeave('room');
                const rooms = (await nsp.fetchSockets()).map(({ rooms }) => rooms.has('room'));
                const answers = await nsp.serverSideEmitWithAck('question');
                nsp.disconnectSockets(true);
                return { acks, rooms, answers };
              }),
            ),
          NAMESPACES,
        );
      await Promise.all(clients.map((client) => client.disconnected()));

      expect(results).toEqual(NAMESPACES.map((name) => ({ acks: [name], rooms: [false], answers: [name] })));
      for (const client of clients) expect(client.received('packet')).toEqual(numbers(0, 20));
      const lengths = await Promise.all([0, 1, 2].map((i) => cluster().redis.xLen(`${cluster().streamName}-${i}`)));
      expect(lengths.every((length) => length > 0)).toBe(true);
      expect(await cluster().redis.exists(cluster().streamName)).toBe(0);
    });

    if (recovery)
      it('give each client what it missed', async () => {
        for (const namespace of NAMESPACES) {
          const client = await away(cluster(), 0, { namespace, rooms: ['room'] });
          await cluster()
            .node(0)
            .run((io, _ctx, names) => {
              for (const name of names) for (let n = 0; n < 10; n += 1) io.of(name).to('room').emit('packet', n);
            }, NAMESPACES);
          await client.connect(cluster().node(1));

          expect([namespace, client.recovered]).toEqual([namespace, true]);
          expect(await client.next('packet', 10)).toEqual(numbers(0, 10));
        }
      });
  });
}
