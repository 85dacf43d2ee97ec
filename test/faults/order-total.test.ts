import { describe, expect, it } from 'vitest';
import { useCluster } from '../harness/index.js';

const TIMES = 1_000;

describe('two nodes publish at once, with connection state recovery', () => {
  const cluster = useCluster({ serverOptions: { connectionStateRecovery: {} } });

  it('every client of the cluster sees one order', async () => {
    const clients = [...(await cluster().connectEach()), ...(await cluster().connectEach())];
    await Promise.all(
      cluster().nodes.map((node) =>
        node.run(async (io, ctx, times) => {
          for (let n = 0; n < times; n++) {
            io.emit('message', ctx.options.name, n);
            if (n % 10 === 9) await new Promise(setImmediate);
          }
        }, TIMES),
      ),
    );
    await cluster().barrier();

    const [first, ...others] = clients.map((client) => client.received('message'));
    expect(first).toHaveLength(2 * TIMES);
    for (const { name } of cluster().nodes) {
      expect(first!.filter(([from]) => from === name).map(([, n]) => n)).toEqual([...Array(TIMES).keys()]);
    }
    for (const other of others) expect(other).toEqual(first);
  });

  it('what a client is told and where it is put by different nodes is one order, too', async () => {
    const clients = await cluster().connectEach();
    for (const client of clients) await cluster().join(client, 'room');
    await Promise.all(
      cluster().nodes.map((node, index) =>
        node.run(
          async (io, _ctx, me, times) => {
            for (let n = 0; n < times; n++) {
              if (me === 0) io.to('room').emit('message', n);
              else if (n % 14 < 7) io.socketsJoin('room');
              else io.socketsLeave('room');
              if (n % 5 === 4) await new Promise((resolve) => setTimeout(resolve, 1));
            }
          },
          index,
          TIMES,
        ),
      ),
    );
    await cluster().barrier();

    expect(clients[0]!.received('message').length).toBeGreaterThan(0);
    expect(clients[1]!.received('message')).toEqual(clients[0]!.received('message'));
  });
});
