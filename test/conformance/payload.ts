import { afterAll, beforeAll, describe, expect } from 'vitest';
import {
  msgpackParser,
  startCluster,
  useCluster,
  type Cluster,
  type NodeFunction,
  type TestClient,
} from '../harness/index.js';
import { payloadKinds } from './payload-kinds.js';
import { outcome, threeClients, type Suite } from './suite.js';

/** What packets carry, on the shared cluster. */
export function payload(suite: Suite): void {
  const { check, cluster } = suite;

  describe('payload', () => {
    // The reference: a server without an adapter for clusters.
    const plain = useCluster({ adapter: 'memory', nodes: 1 });

    for (const [kind, make] of Object.entries(payloadKinds)) {
      check(`${kind}: near and far`, async () => {
        const expected = await receivedFrom(plain(), make);
        const clients = await threeClients(suite);
        await emitPayload(cluster(), make);

        expect(await outcome(suite, clients, 'payload')).toStrictEqual([[expected], [expected], [expected]]);
      });
    }

    if (suite.recovery) {
      describe('replayed', () => {
        let replayed: Record<string, unknown[]> = {};

        beforeAll(async () => {
          replayed = await replay(cluster());
        });
        afterAll(() => {
          replayed = {};
        });
        for (const [kind, make] of Object.entries(payloadKinds)) {
          check(`${kind}: replayed`, async () => {
            expect(replayed[kind]).toStrictEqual(await receivedFrom(plain(), make));
          });
        }
      });
    }

    check('acknowledgements carry binary data and all else that clients may answer', async () => {
      const answer = (): unknown => ({ bytes: Buffer.from('bytes'), list: [1, null, 'text'], at: new Date(0) });
      const clients = await threeClients(suite);
      clients.forEach(({ socket }) =>
        socket.on('question', (acknowledge: (value: unknown) => void) => acknowledge(answer())),
      );
      const answers = await cluster()
        .node(0)
        .run((io) => io.timeout(5_000).emitWithAck('question'));

      const expected = { bytes: Buffer.from('bytes'), list: [1, null, 'text'], at: '1970-01-01T00:00:00.000Z' };
      expect(answers.map(withBuffers)).toEqual([expected, expected, expected]);
    });

    check('serverSideEmit() carries binary data, there and back', async () => {
      await cluster()
        .node(1)
        .run((io, ctx) => {
          io.on('binary task', (...args: unknown[]) => {
            const acknowledge = args.pop() as (value: unknown) => void;
            ctx.record('binary task')(...args);
            acknowledge({ back: args[0], n: [1, null] });
          });
        });
      await cluster()
        .node(2)
        .run((io) => void io.on('binary task', (...args: unknown[]) => (args.pop() as (value: unknown) => void)(null)));
      const responses = await cluster()
        .node(0)
        .run((io) => io.serverSideEmitWithAck('binary task', Buffer.from('bytes'), { nested: [Buffer.from('more')] }));

      expect((await cluster().node(1).recorded('binary task', 1)).map(withBuffers)).toEqual([
        [Buffer.from('bytes'), { nested: [Buffer.from('more')] }],
      ]);
      expect(responses.map(withBuffers)).toEqual(
        expect.arrayContaining([null, { back: Buffer.from('bytes'), n: [1, null] }]),
      );
    });

    check('fetchSockets() carries binary data in the data of a socket', async () => {
      const [, far] = await threeClients(suite);
      await cluster()
        .node(1)
        .run((io, _ctx, id) => {
          io.of('/').sockets.get(id)!.data = { avatar: Buffer.from('bytes'), tags: [new Uint8Array([1])] };
        }, far.id);
      const data = await cluster()
        .node(0)
        .run(async (io, _ctx, id) => (await io.in(id).fetchSockets())[0]!.data as unknown, far.id);

      expect(withBuffers(data)).toEqual({ avatar: Buffer.from('bytes'), tags: [Buffer.from([1])] });
    });
  });
}

/** What needs servers with options of their own, once for an adapter. */
export function payloadAcrossServers({ adapter, check }: Pick<Suite, 'adapter' | 'check'>): void {
  describe('payload that needs a server of its own', () => {
    for (const recovery of [false, true]) {
      check(`what cannot be serialised throws at the caller, recovery ${recovery ? 'on' : 'off'}`, async () => {
        const cluster = await startCluster({
          adapter,
          mayExit: true,
          serverOptions: recovery ? { connectionStateRecovery: {} } : {},
        });
        const clients = await cluster.connectEach();
        const thrown = await cluster.node(0).run((io) => {
          const cycle: Record<string, unknown> = {};
          cycle.self = cycle;
          const throws = (call: () => unknown): boolean => {
            try {
              call();
              return false;
            } catch (error) {
              return error instanceof Error;
            }
          };
          return [
            throws(() => io.emit('bad', 1n)),
            throws(() => io.emit('bad', { nested: [1n] })),
            throws(() => io.emit('bad', cycle)),
            throws(() => io.emit('bad', Buffer.from('bytes'), 1n)),
          ];
        });

        expect(thrown).toEqual([true, true, true, true]);
        await cluster.node(0).run((io) => io.emit('good', 1));
        expect(await Promise.all(clients.map((client) => client.next('good')))).toEqual([[[1]], [[1]]]);
        expect(clients.map((client) => client.received('bad'))).toEqual([[], []]);
      });
    }

    check('a parser other than that of Socket.IO works', async () => {
      const cluster = await startCluster({
        adapter,
        parser: msgpackParser,
        serverOptions: { connectionStateRecovery: {} },
      });
      const { default: parser } = (await import(msgpackParser)) as { default: unknown };
      const clients = await cluster.connectEach({ parser });
      clients.forEach(({ socket }, index) =>
        socket.on('question', (acknowledge: (value: unknown) => void) => acknowledge(index)),
      );
      const emitBoth: NodeFunction<[], void> = (io) => {
        io.emit('news', 'text', { nested: [1, null] });
        io.emit('binary', Buffer.from('bytes'), { more: Buffer.from('more') });
      };
      await cluster.node(0).run(emitBoth);
      const answers = await cluster
        .node(0)
        .run(async (io) => (await io.timeout(5_000).emitWithAck('question')).toSorted());
      const [client] = clients as [TestClient];
      await client.next('binary');
      await client.drop();
      await cluster.sessionSaved(client);
      await cluster.node(0).run(emitBoth);
      await client.connect(cluster.node(1));

      expect(client.recovered).toBe(true);
      const news = ['text', { nested: [1, null] }];
      const binary = [Buffer.from('bytes'), { more: Buffer.from('more') }];
      for (const each of clients) {
        expect(await each.next('news', 2)).toEqual([news, news]);
        expect((await each.next('binary', 2)).map(withBuffers)).toEqual([binary, binary]);
      }
      expect(answers).toEqual([0, 1]);
    });
  });
}

async function emitPayload(cluster: Cluster, make: () => unknown[], event = 'payload'): Promise<void> {
  await cluster
    .node(0)
    .run(
      (io, ctx, source, name) => io.emit(name, ...(ctx.evaluate(source) as () => unknown[])()),
      make.toString(),
      event,
    );
}

/** The arguments as a client gets them from the server. */
async function receivedFrom(cluster: Cluster, make: () => unknown[]): Promise<unknown[]> {
  const client = await cluster.connect(0);
  await emitPayload(cluster, make);
  return (await client.next('payload'))[0]!;
}

/** The arguments of every kind as a client gets them that was away when they were sent. */
async function replay(cluster: Cluster): Promise<Record<string, unknown[]>> {
  const client: TestClient = await cluster.connect(1);
  await cluster.node(1).run((io) => io.emit('before'));
  await client.next('before');
  await client.drop();
  await cluster.sessionSaved(client);
  for (const [kind, make] of Object.entries(payloadKinds)) {
    await emitPayload(cluster, make, kind);
  }
  await cluster.node(0).run((io) => io.emit('end'));
  await client.connect(cluster.node(2));
  await client.next('end');
  expect(client.recovered).toBe(true);
  return Object.fromEntries(Object.keys(payloadKinds).map((kind) => [kind, client.received(kind)[0] ?? ['missing']]));
}

/** Binary data as Buffers, whichever view of the bytes it came as. */
function withBuffers(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
  if (Array.isArray(value)) {
    return value.map(withBuffers);
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, withBuffers(own)]));
  }
  return value;
}
