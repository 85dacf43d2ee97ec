import { describe, expect } from 'vitest';
import { waitFor } from '../harness/index.js';
import { away, connectAndReceive, expectFresh } from './sessions.js';
import type { Suite } from './suite.js';

/** Clients that have to start afresh. */
export function recoveryRefused(suite: Suite): void {
  const { check, cluster } = suite;
  if (!suite.recovery) {
    return;
  }

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
