import { setTimeout as delay } from 'node:timers/promises';
import { describe, numbers, settle, verdict, withNodes } from './nodes.mjs';

/** Emits `count` numbered messages over about `ms` milliseconds. */
const emitNumbers = async (io, count, ms, from = 0) => {
  const start = Date.now();
  for (let n = 0; n < count; n++) {
    io.emit('m', from + n);
    const due = start + (n * ms) / count;
    if (due > Date.now()) await new Promise((resolve) => setTimeout(resolve, due - Date.now()));
  }
};

/** Publishes 2,000 messages from one node while `fault` happens to Redis; a client of another node counts. */
const outage = (fault) => (adapter) =>
  withNodes({ adapter, nodes: 2 }, async ({ redis, nodes: [near, far], connect }) => {
    const client = await connect(far);
    const seen = numbers(client);
    let died = false;
    const emitted = near.run(emitNumbers, 2_000, 2_000).catch(() => (died = true));
    await settle(() => seen.length > 300);
    await fault(redis);
    await emitted;
    await settle(() => seen.length >= 2_000, died ? 1_000 : 10_000);
    const text = describe(verdict(seen, 2_000));
    return died ? `the emitting process ends, ${text}` : text;
  });

const cutConnections = async (redis) => {
  await redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
  await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
};

/** A client whose missed packets are looked up again and again. */
const restoreUnderFire = (adapter) =>
  withNodes({ adapter, nodes: 2, recovery: true }, async ({ nodes, connect }) => {
    const COUNT = 1_500;
    const options = { reconnectionDelay: 5, reconnectionDelayMax: 20 };
    const clients = await Promise.all(Array.from({ length: 20 }, (_, i) => connect(nodes[i % 2], options)));
    const received = clients.map(() => []);
    let notRecovered = 0;
    let reconnections = 0;
    clients.forEach((client, index) => {
      client.on('m', (n) => received[index].push(n));
      client.on('connect', () => {
        reconnections++;
        if (!client.recovered) notRecovered++;
      });
    });
    await nodes[0].run((io) => void io.emit('m', -1));
    await settle(() => received.every((seen) => seen.length > 0));
    for (const seen of received) seen.length = 0;
    let over = false;
    const chaos = (async () => {
      while (!over) {
        const client = clients[Math.floor(Math.random() * clients.length)];
        client.io.uri = `http://127.0.0.1:${nodes[Math.floor(Math.random() * 2)].port}`;
        if (client.connected) client.io.engine.close();
        await delay(2 + Math.random() * 6);
      }
    })();
    await Promise.all([nodes[0].run(emitNumbers, COUNT, 3_000, 0), nodes[1].run(emitNumbers, COUNT, 3_000, 100_000)]);
    over = true;
    await chaos;
    await settle(() => received.every((seen) => seen.length >= 2 * COUNT));
    const total = { lost: 0, twice: 0, outOfOrder: 0 };
    for (const seen of received) {
      for (const half of [seen.filter((n) => n < 100_000), seen.filter((n) => n >= 100_000)]) {
        const one = verdict(half, COUNT);
        for (const key of Object.keys(total)) total[key] += one[key];
      }
    }
    const text = describe(total);
    return notRecovered === 0 ? text : `${text}, ${notRecovered} of ${reconnections} not recovered`;
  });

export const SCENARIOS = [
  {
    title: 'Redis killed and restarted: of 2,000 messages',
    guarantee: 'G5',
    test: 'test/faults/outage-under-traffic.test.ts',
    run: outage(async (redis) => {
      await redis.kill();
      await redis.restart();
    }),
  },
  {
    title: 'Connections to Redis cut: of 2,000 messages',
    guarantee: 'G5',
    test: 'test/faults/outage-under-traffic.test.ts',
    run: outage(cutConnections),
  },
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
  {
    title: 'Redis stalled for 3 s: a client of the emitting node waits',
    guarantee: 'G3',
    test: 'test/faults/outage-slow-redis.test.ts',
    run: (adapter) =>
      withNodes({ adapter, nodes: 2 }, async ({ redis, nodes: [near], connect }) => {
        const seen = numbers(await connect(near));
        redis.pause();
        setTimeout(() => redis.resume(), 3_000);
        const start = performance.now();
        await near.run((io) => void io.emit('m', 1));
        await settle(() => seen.length > 0);
        const seconds = (performance.now() - start) / 1_000;
        return seconds < 1 ? 'no' : `${seconds.toFixed(1)} s`;
      }),
  },
  {
    title: 'The stream deleted and begun anew behind the reader: of 100 messages afterwards',
    guarantee: 'G8',
    test: 'test/faults/outage-stream-reset.test.ts',
    needsStream: true,
    run: (adapter) =>
      withNodes({ adapter, nodes: 2 }, async ({ redis, nodes: [near, far], connect }) => {
        const seen = numbers(await connect(far));
        await redis.command('XADD', 'socket.io', '99999999999999-0', 'uid', 'x', 'nsp', '/other', 'type', '3');
        await delay(300);
        await redis.command('DEL', 'socket.io');
        await near.run(emitNumbers, 100, 500);
        await settle(() => seen.length >= 100, 15_000);
        return describe(verdict(seen, 100));
      }),
  },
  {
    title: 'Clients reconnect to any node under traffic, 20 clients, 60,000 deliveries',
    guarantee: 'G11',
    test: 'test/faults/recovery-under-fire.test.ts',
    needsStream: true,
    run: restoreUnderFire,
  },
  {
    title: "A node killed: clients recovered of 20 (ours with `sessions: 'crash-safe'`)",
    guarantee: 'G17',
    test: 'test/faults/recovery-restart.test.ts',
    needsStream: true,
    run: (adapter) =>
      withNodes(
        { adapter, nodes: 2, recovery: true, sessions: 'crash-safe' },
        async ({ nodes: [doomed, other], connect }) => {
          const clients = await Promise.all(
            Array.from({ length: 20 }, () => connect(doomed, { reconnectionDelay: 100 })),
          );
          const seen = clients.map(numbers);
          await other.run((io) => void io.emit('m', 1));
          await settle(() => seen.every((one) => one.length > 0));
          for (const client of clients) client.io.uri = `http://127.0.0.1:${other.port}`;
          const back = clients.map(
            (client) => new Promise((resolve) => client.once('connect', () => resolve(client.recovered))),
          );
          await doomed.stop();
          return String((await Promise.all(back)).filter(Boolean).length);
        },
      ),
  },
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
];
