import { describe, expect, it } from 'vitest';
import { useCluster } from '../harness/index.js';
import { stateOf } from './support/node-state.js';

for (const recovery of [false, true]) {
  describe(`requests to three nodes (recovery: ${recovery})`, () => {
    const cluster = useCluster({
      nodes: [
        { setup: (io) => void [io.of('/of one'), io.of('/of two')] },
        { setup: (io) => void io.of('/of two').on('question', (answer: (value: string) => void) => answer('answer')) },
        {},
      ],
      // a node that is frozen meanwhile is not lost
      adapterOptions: { requestTimeout: 6_000, heartbeatTimeout: 60_000 },
      ...(recovery && { serverOptions: { connectionStateRecovery: {} } }),
    });

    it('do not wait for nodes that lack the namespace', async () => {
      const clients = await Promise.all([
        cluster().connect(0, { namespace: '/of one' }),
        cluster().connect(1, { namespace: '/of two' }),
      ]);
      for (const client of clients) client.socket.on('question', (answer: (n: number) => void) => answer(1));
      // each of them rejects when it times out
      const results = await cluster()
        .node(0)
        .run((io) =>
          Promise.all(
            ['/of one', '/of two'].map((name) =>
              Promise.all([
                io
                  .of(name)
                  .fetchSockets()
                  .then((sockets) => sockets.length),
                io.of(name).serverSideEmitWithAck('question'),
                io.of(name).timeout(20_000).emitWithAck('question'),
              ]),
            ),
          ).catch(({ message }: Error) => {
            // what the error carries besides is not to be cloned
            throw new Error(message);
          }),
        );

      expect(results).toEqual([
        [1, [], [1]],
        [1, ['answer'], [1]],
      ]);
      expect((await stateOf(cluster().node(0))).openRequests).toBe(0);
    });

    it('say which nodes did not answer in time, and what the others did', async () => {
      const clients = await cluster().connectEach();
      for (const [i, client] of clients.entries()) {
        client.socket.on('question', (answer: (n: number) => void) => answer(i));
      }
      await cluster()
        .node(1)
        .run((io) => void io.on('question', (answer: (value: string) => void) => answer('answer')));
      const { uid: silent } = await stateOf(cluster().node(2));
      cluster().node(2).kill('SIGSTOP');
      const [fetch, emit, ack] = await cluster()
        .node(0)
        .run((io) => {
          type Failure = Error & { missing?: string[]; responses?: unknown[] };
          const reject = (): never => {
            throw new Error('did not time out');
          };
          return Promise.all([
            io.fetchSockets().then(reject, ({ name, message, missing, responses }: Failure) => ({
              name,
              message,
              missing,
              sockets: (responses as { id: string }[]).map(({ id }) => id),
            })),
            io.serverSideEmitWithAck('question').then(reject, ({ name, message, missing, responses }: Failure) => ({
              name,
              message,
              missing,
              responses,
            })),
            io
              .timeout(6_000)
              .emitWithAck('question')
              .then(reject, ({ message, responses }: Failure) => ({ message, responses })),
          ]);
        });
      cluster().node(2).kill('SIGCONT');

      // whichever way the share of the node that asks is taken, it is not one of those that are asked
      const message = expect.stringContaining(`no answer from ${silent} (2 other nodes were asked)`);
      const timeout = { name: 'RequestTimeoutError', message, missing: [silent] };
      const known = [clients[0]!.id, clients[1]!.id];
      expect({ ...fetch, sockets: new Set(fetch.sockets) }).toEqual({ ...timeout, sockets: new Set(known) });
      expect(emit).toEqual({ ...timeout, responses: ['answer'] });
      expect(ack).toEqual({ message: 'operation has timed out', responses: expect.arrayContaining([0, 1]) });
      expect(ack.responses).toHaveLength(2);
      // what comes too late does no harm
      const sockets = await cluster()
        .node(0)
        .run(async (io) => (await io.fetchSockets()).length);
      expect([sockets, (await stateOf(cluster().node(0))).openRequests]).toEqual([3, 0]);
    });
  });
}

describe('what cannot be serialised', () => {
  const cluster = useCluster({ adapterOptions: { requestTimeout: 20_000 } });

  it('is refused to the one who would send it', async () => {
    const refusals = await cluster()
      .node(0)
      .run(async (io) => {
        const cycle: Record<string, unknown> = {};
        cycle['self'] = cycle;
        const unsendable = [1n, cycle, () => 1, Symbol('s'), { nested: [{ deep: 1n }] }, { nested: [() => 1] }];
        const names = [];
        for (const value of unsendable) {
          try {
            io.serverSideEmit('event', value, 'last');
            names.push('sent');
          } catch (error) {
            names.push((error as Error).name);
          }
          names.push(
            await io.serverSideEmitWithAck('event', value).then(
              () => 'sent',
              (error: Error) => error.name,
            ),
          );
        }
        for (const value of [1n, cycle]) {
          try {
            io.emit('event', value);
            names.push('sent');
          } catch (error) {
            names.push((error as Error).name);
          }
        }
        return names;
      });

    expect(refusals).toEqual(Array.from({ length: 14 }, () => 'SerializationError'));
    expect(await entries()).toBe(0);
  });

  it('makes the request of another node fail that would have to carry it, and no process', async () => {
    const client = await cluster().connect(1);
    const far = await stateOf(cluster().node(1));
    for (const kind of ['bigint', 'cycle', 'ways', 'timer', 'function', 'symbol', 'throws']) {
      await cluster()
        .node(1)
        .run(
          (io, _ctx, id, which) => {
            const cycle: Record<string, unknown> = {};
            cycle['self'] = cycle;
            // so many that nobody can go them all
            const ways: Record<string, unknown> = {};
            ways['one'] = ways['other'] = ways;
            const values: Record<string, unknown> = {
              bigint: 1n,
              cycle,
              ways,
              // it and the list that it is in refer to each other
              timer: setTimeout(() => undefined, 3_600_000).unref(),
              function: () => 1,
              symbol: Symbol('s'),
              throws: {
                get value() {
                  throw new Error('from a getter');
                },
              },
            };
            const unsendable = { value: values[which] };
            io.of('/').sockets.get(id)!.data = unsendable;
            io.removeAllListeners('question');
            io.on('question', (answer: (value: unknown) => void) => answer(unsendable));
          },
          client.id,
          kind,
        );
      const failures = await cluster()
        .node(0)
        .run((io) => {
          const tell = ({ name, message, uid }: Error & { uid?: string }): object => ({ name, message, uid });
          return Promise.all([
            io.fetchSockets().then(() => 'answered', tell),
            io.serverSideEmitWithAck('question').then(() => 'answered', tell),
          ]);
        });
      const failure = { name: 'RemoteNodeError', message: expect.stringContaining(far.uid), uid: far.uid };
      expect([kind, ...failures]).toEqual([kind, failure, failure]);
    }
    await cluster()
      .node(1)
      .run((io, _ctx, id) => void (io.of('/').sockets.get(id)!.data = { plain: 1 }), client.id);
    const data = await cluster()
      .node(0)
      .run(async (io) => (await io.fetchSockets()).map((socket) => socket.data as unknown));

    expect(data).toEqual([{ plain: 1 }]);
    expect(cluster().node(1).stderr).toBe('');
  });

  it('is told at once also where an answer is too deep by very little', async () => {
    await cluster()
      .node(1)
      .run((io) => {
        io.on('depth', (depth: number, answer: (value: unknown) => void) => {
          let value: unknown = 'bottom';
          for (let i = 0; i < depth; i++) value = [value];
          answer(value);
        });
      });
    const outcomes = await cluster()
      .node(0)
      .run((io) => {
        const depths = Array.from({ length: 20 }, (_, i) => 90 + i);
        const ask = (depth: number): Promise<string> =>
          io.serverSideEmitWithAck('depth', depth).then(
            () => 'answered',
            ({ name }: Error) => name,
          );
        return Promise.all(depths.map(ask));
      });

    expect(new Set(outcomes)).toEqual(new Set(['answered', 'RemoteNodeError']));
  });

  async function entries(): Promise<number> {
    return cluster().redis.xLen(cluster().streamName);
  }
});
