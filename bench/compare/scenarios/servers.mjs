import { setTimeout as delay } from 'node:timers/promises';
import { emitNumbers, numbers, settle, withNodes } from '../nodes.mjs';

const MESSAGES = 100;

export const servers = [
  {
    title:
      'A node frozen during `fetchSockets()`: sockets of the other two nodes that the caller gets, in the error or not',
    guarantee: 'G21',
    test: 'test/faults/cluster-requests.test.ts',
    run: (adapter) =>
      withNodes({ adapter, nodes: 3 }, async ({ nodes: [asking, answering, dead], connect }) => {
        await connect(asking);
        await connect(answering);
        dead.process.kill('SIGSTOP');
        const got = await asking.run((io) =>
          io
            .timeout(1_000)
            .fetchSockets()
            .then(
              (sockets) => sockets.length,
              (error) => error.responses?.length ?? 0,
            ),
        );
        dead.process.kill('SIGCONT');
        return `${got} of 2`;
      }),
  },
  {
    title: `Two Servers in each process, on different paths, with one \`createAdapter()\`: of ${MESSAGES} messages of each`,
    guarantee: 'G23',
    test: 'test/faults/cluster-several-servers.test.ts',
    run: (adapter) =>
      withNodes({ adapter, nodes: 2 }, async ({ nodes: [near, far], connect }) => {
        await near.run(addServer);
        const port = await far.run(addServer);
        const first = numbers(await connect(far));
        const second = numbers(await connect({ port }, { path: '/second' }));
        await near.run(emitNumbers, MESSAGES, 200);
        await near.run(`(_io, ...args) => (${String(emitNumbers)})(second, ...args)`, MESSAGES, 200, MESSAGES);
        const own = () => [first.filter((n) => n < MESSAGES).length, second.filter((n) => n >= MESSAGES).length];
        await settle(() => own().every((count) => count >= MESSAGES));
        // what belongs to the other may come last
        await delay(500);
        const texts = [first, second].map((seen, i) => {
          const [lost, alien] = [MESSAGES - own()[i], seen.length - own()[i]];
          return lost + alien === 0 ? 'none' : `${lost} lost, ${alien} of the other's`;
        });
        return texts.every((text) => text === 'none') ? 'none' : `first: ${texts[0]}; second: ${texts[1]}`;
      }),
  },
];

/** For a node to run: makes a second Server with the adapter of the first; resolves with its port once it is in the cluster. */
async function addServer(io) {
  const second = new io.constructor(0, { path: '/second', adapter: io.adapter() });
  globalThis.second = second;
  await second.of('/').adapter.ready?.();
  // the peers do not say when they are ready
  await new Promise((resolve) => setTimeout(resolve, 500));
  return second.httpServer.address().port;
}
