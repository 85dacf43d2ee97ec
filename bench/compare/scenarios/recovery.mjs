import { setTimeout as delay } from 'node:timers/promises';
import { describe, emitNumbers, hasEnded, numbers, settle, verdict, withNodes } from '../nodes.mjs';

const CLIENTS = 20;
const RECONNECTIONS = 300;
/** The numbers of the second node begin here. */
const APART = 1_000_000;
const DEADLINE = 120_000;

const random = (items) => items[Math.floor(Math.random() * items.length)];

/** Clients that lose their connections again and again, while two nodes emit. */
const underFire = (adapter) =>
  withNodes({ adapter, nodes: 2, recovery: true }, async ({ nodes, connect }) => {
    const options = { reconnectionDelay: 5, reconnectionDelayMax: 20 };
    const clients = await Promise.all(Array.from({ length: CLIENTS }, (_, i) => connect(nodes[i % 2], options)));
    const received = clients.map(numbers);
    await firstPacket(nodes[0], received);
    for (const seen of received) seen.length = 0;
    let notRecovered = 0;
    let reconnections = 0;
    for (const client of clients) {
      client.on('connect', () => {
        reconnections++;
        if (!client.recovered) notRecovered++;
      });
    }

    const deadline = Date.now() + DEADLINE;
    const over = () => reconnections >= RECONNECTIONS || Date.now() > deadline || nodes.some(hasEnded);
    const cuts = cutOff(clients, nodes, over);
    // How many reconnections a second there are depends on the machine: the nodes emit until there were enough.
    let count = 0;
    while (!over()) {
      await Promise.all(nodes.map((node, i) => node.run(emitNumbers, 250, 1_000, i * APART + count)));
      count += 250;
    }
    await cuts;
    const complete = () => clients.every((client, i) => client.connected && received[i].length >= 2 * count);
    await settle(complete, 20_000);

    const total = { lost: 0, twice: 0, outOfOrder: 0 };
    for (const seen of received) {
      for (const half of [seen.filter((n) => n < APART), seen.filter((n) => n >= APART)]) {
        const one = verdict(half, count);
        for (const key of Object.keys(total)) total[key] += one[key];
      }
    }
    const harm = describe(total);
    const text = `${harm}, ${notRecovered} of ${reconnections} not recovered`;
    if (reconnections < RECONNECTIONS) {
      throw new Error(`there were not ${RECONNECTIONS} reconnections within ${DEADLINE / 1_000} s: ${text}`);
    }
    return notRecovered === 0 ? `${harm}, ${reconnections} reconnections` : text;
  });

/**
 * Ends the connections of three clients every few milliseconds, until `over()`; each comes back to a node chosen at random.
 * One at a time is too slow on a busy machine, where the timer is late.
 */
async function cutOff(clients, nodes, over) {
  while (!over()) {
    for (let i = 0; i < 3; i++) {
      const connected = clients.filter((client) => client.connected);
      if (connected.length === 0) break;
      const { io: manager } = random(connected);
      manager.uri = `http://127.0.0.1:${random(nodes).port}`;
      manager.engine.close();
    }
    await delay(2 + Math.random() * 6);
  }
}

/** Waits until each client has a packet: without an offset none can recover. */
async function firstPacket(node, received) {
  await node.run((io) => void io.emit('m', -1));
  await settle(() => received.every((seen) => seen.length > 0));
}

/** How many of `clients` are recovered, when next they connect. */
async function recovered(clients) {
  const back = [];
  for (const client of clients) client.once('connect', () => back.push(client.recovered));
  await settle(() => back.length === clients.length, 30_000);
  return String(back.filter(Boolean).length);
}

export const recovery = [
  {
    title: `${CLIENTS} clients reconnect to any node under traffic, at least ${RECONNECTIONS} times: packets`,
    guarantee: 'G11',
    test: 'test/faults/recovery-under-fire.test.ts',
    needsStream: true,
    run: underFire,
  },
  {
    title: `A volatile packet that ends with a string, then the connections lost: clients recovered of ${CLIENTS}`,
    guarantee: 'G16',
    test: 'test/conformance/offsets.ts',
    needsStream: true,
    run: (adapter) =>
      withNodes({ adapter, nodes: 2, recovery: true }, async ({ nodes: [near, far], connect }) => {
        const clients = await Promise.all(
          Array.from({ length: CLIENTS }, (_, i) => connect([near, far][i % 2], { reconnectionDelay: 100 })),
        );
        await firstPacket(near, clients.map(numbers));
        let typing = 0;
        for (const client of clients) client.on('typing', () => typing++);
        await near.run((io) => void io.volatile.emit('typing', 'Ann'));
        await settle(() => typing >= CLIENTS);
        const back = recovered(clients);
        for (const client of clients) client.io.engine.close();
        return back;
      }),
  },
  {
    title: `A node killed: clients recovered of ${CLIENTS} (ours with \`sessions: 'crash-safe'\`)`,
    guarantee: 'G17',
    test: 'test/faults/recovery-restart.test.ts',
    needsStream: true,
    run: (adapter) =>
      withNodes(
        { adapter, nodes: 2, recovery: true, sessions: 'crash-safe' },
        async ({ nodes: [doomed, other], connect }) => {
          const clients = await Promise.all(
            Array.from({ length: CLIENTS }, () => connect(doomed, { reconnectionDelay: 100 })),
          );
          await firstPacket(other, clients.map(numbers));
          for (const client of clients) client.io.uri = `http://127.0.0.1:${other.port}`;
          const back = recovered(clients);
          await doomed.stop();
          return back;
        },
      ),
  },
];
