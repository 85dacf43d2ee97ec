// Clients in a process of their own, so that what they cost is not counted as the servers'.
import { once } from 'node:events';
import { io } from 'socket.io-client';

const sockets = [];
let received = 0;
let awaited;
let latencies = [];

const commands = {
  async connect({ port, count, namespaces = 1 }) {
    const fresh = Array.from({ length: count }, (_, i) =>
      io(`http://127.0.0.1:${port}${namespaces > 1 ? `/n${i % namespaces || ''}` : ''}`, {
        transports: ['websocket'],
        forceNew: true,
        reconnectionDelay: 20,
        reconnectionDelayMax: 50,
      }),
    );
    await Promise.all(fresh.map((socket) => once(socket, 'connect')));
    for (const socket of fresh) {
      socket.on('m', (message) => {
        received++;
        // a Buffer has a method of that name
        if (typeof message?.at === 'string') latencies.push(Number(process.hrtime.bigint() - BigInt(message.at)) / 1e6);
        if (awaited && received >= awaited.total) awaited.resolve();
      });
    }
    sockets.push(...fresh);
  },
  /** Resolves when so many messages have come in, to all sockets together, since the last reset. */
  async received({ total, timeout = 60_000 }) {
    if (received < total) {
      const arrival = new Promise((resolve) => (awaited = { total, resolve }));
      const timer = setTimeout(() => awaited.resolve(), timeout);
      await arrival;
      clearTimeout(timer);
      awaited = undefined;
    }
    return received;
  },
  reset() {
    received = 0;
    latencies = [];
  },
  latencies: () => latencies,
  /** Cuts every connection; the clients come back to `port`. */
  async cut({ port }) {
    for (const socket of sockets) {
      socket.io.uri = `http://127.0.0.1:${port}`;
      socket.io.engine.close();
    }
  },
  async connected() {
    await Promise.all(sockets.map((socket) => socket.connected || once(socket, 'connect')));
    return sockets.filter((socket) => socket.recovered).length;
  },
};

process.on('message', async ({ id, command, argument }) => {
  process.send({ id, result: (await commands[command](argument ?? {})) ?? null });
});
process.on('disconnect', () => process.exit());
process.send({ ready: true });
