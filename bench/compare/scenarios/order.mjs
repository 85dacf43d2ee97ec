import { emitNumbers, numbers, settle, withNodes } from '../nodes.mjs';

export const order = [
  {
    title: '`socketsJoin()`, then `emitWithAck()`: clients missed of 200',
    guarantee: 'G1',
    test: 'test/faults/order-across-channels.test.ts',
    run: (adapter) =>
      withNodes({ adapter, nodes: 2 }, async ({ nodes: [near, far], connect }) => {
        const client = await connect(far);
        client.on('question', (answer) => answer(1));
        const answered = await near.run(async (io) => {
          let total = 0;
          for (let n = 0; n < 200; n++) {
            io.socketsJoin(`joined-${n}`);
            const answers = await io
              .to(`joined-${n}`)
              .timeout(300)
              .emitWithAck('question')
              .catch((error) => error.responses ?? []);
            total += answers.length;
          }
          return total;
        });
        return String(200 - answered);
      }),
  },
  {
    title: 'One order for all clients, recovery on: inversions among 2,000 messages of 2 nodes',
    guarantee: 'G2',
    test: 'test/faults/order-total.test.ts',
    needsStream: true,
    run: (adapter) =>
      withNodes({ adapter, nodes: 2, recovery: true }, async ({ nodes: [a, b], connect }) => {
        const [first, second] = [numbers(await connect(a)), numbers(await connect(b))];
        await Promise.all([a.run(emitNumbers, 1_000, 1_000), b.run(emitNumbers, 1_000, 1_000, 100_000)]);
        await settle(() => first.length >= 2_000 && second.length >= 2_000);
        const place = new Map(second.map((n, index) => [n, index]));
        let inversions = 0;
        for (let i = 1; i < first.length; i++) if (place.get(first[i]) < place.get(first[i - 1])) inversions++;
        return inversions === 0 ? 'none' : String(inversions);
      }),
  },
];
