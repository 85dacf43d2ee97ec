import { setTimeout as delay } from 'node:timers/promises';
import { describe, emitNumbers, hasEnded, numbers, settle, verdict, withNodes } from '../nodes.mjs';

/** What a client of a node gets of the 100 messages that another node emits after `fault` happened. */
const afterwards = (fault) => (adapter) =>
  withNodes({ adapter, nodes: 2 }, async ({ redis, nodes: [near, far], connect }) => {
    const seen = numbers(await connect(far));
    // a node that has read nothing yet may begin behind what is bad
    await near.run((io) => void io.emit('m', -1));
    await settle(() => seen.length > 0);
    seen.length = 0;
    await fault({ redis, near, far });
    await delay(500);
    await near.run(emitNumbers, 100, 500);
    await settle(() => seen.length >= 100 || hasEnded(far));
    const text = describe(verdict(seen, 100));
    return hasEnded(far) ? `the process ends, ${text}` : text;
  });

export const failures = [
  {
    title: 'A message in Redis that nobody can read: of 100 messages afterwards',
    guarantee: 'G4',
    test: 'test/faults/hostile-poison-entry.test.ts',
    run: afterwards(async ({ redis }) => {
      // where each adapter looks for its messages
      await redis.command('XADD', 'socket.io', '*', 'uid', 'x', 'nsp', '/', 'type', '3', 'data', '{}');
      await redis.command('PUBLISH', 'socket.io#/#', '{}');
    }),
  },
  {
    title: 'A listener of `onAnyOutgoing()` that throws: of 100 messages afterwards',
    guarantee: 'G4',
    test: 'test/faults/hostile-poison-entry.test.ts',
    run: afterwards(async ({ near, far }) => {
      await far.run((io) => {
        for (const socket of io.sockets.sockets.values()) {
          socket.onAnyOutgoing((event) => {
            if (event === 'bad') throw new Error('a bug of the application');
          });
        }
      });
      await near.run((io) => void io.emit('bad'));
    }),
  },
  {
    title: 'A listener of `serverSideEmit()` that throws: of 100 messages afterwards',
    guarantee: 'G4',
    test: 'test/faults/hostile-poison-entry.test.ts',
    run: afterwards(async ({ near, far }) => {
      await far.run((io) => {
        io.on('bad', () => {
          throw new Error('a bug of the application');
        });
      });
      await near.run((io) => void io.serverSideEmit('bad'));
    }),
  },
  {
    title: '`emit()` of a BigInt, which cannot be serialised',
    guarantee: 'G22',
    test: 'test/faults/cluster-requests.test.ts',
    run: (adapter) =>
      withNodes({ adapter, nodes: 1 }, async ({ nodes: [node] }) => {
        const thrown = await node.run((io) => {
          try {
            io.emit('m', 1n);
            return false;
          } catch {
            return true;
          }
        });
        await delay(500);
        return `${thrown ? 'an error' : 'no error'} for the caller${hasEnded(node) ? ', the process ends' : ''}`;
      }),
  },
  {
    title: 'A node answers `serverSideEmitWithAck()` with a circular object',
    guarantee: 'G22',
    test: 'test/faults/cluster-requests.test.ts',
    run: unsendable(
      (io) => {
        io.on('question', (answer) => {
          const circular = {};
          circular.self = circular;
          // as after a look into a database
          setTimeout(() => answer(circular), 10);
        });
      },
      (io) => io.serverSideEmitWithAck('question'),
    ),
  },
  {
    title: '`fetchSockets()`, a socket of another node having a BigInt in its `data`',
    guarantee: 'G22',
    test: 'test/faults/cluster-requests.test.ts',
    run: unsendable(
      (io) => {
        for (const socket of io.sockets.sockets.values()) socket.data.id = 1n;
      },
      (io) => io.fetchSockets(),
    ),
  },
];

/** What the asking node hears when the other cannot send its answer. */
function unsendable(prepare, request) {
  return (adapter) =>
    withNodes({ adapter, nodes: 2 }, async ({ nodes: [asking, answering], connect }) => {
      await connect(answering);
      await answering.run(prepare);
      const start = performance.now();
      const failed = await asking.run(`(io) => (${request})(io).then(() => false, () => true)`);
      const seconds = (performance.now() - start) / 1_000;
      const when = seconds < 1 ? 'at once' : `after ${seconds.toFixed(0)} s`;
      return `${failed ? 'an error' : 'an answer'} ${when}${hasEnded(answering) ? ', the answering process ends' : ''}`;
    });
}
