// Clients in a process of their own, so that what they cost is not counted as the servers'.
import { once } from 'node:events';
import { io } from 'socket.io-client';
import { answer } from './answer.mjs';

/** Connections that are opened at a time: of more than a server holds in its queue (511, if not told otherwise), the last try again a second later. */
const AT_ONCE = 250;

const sockets = [];
let received = 0;
let awaited;
let latencies = [];

/** Resolves when the client is connected; rejects if it is turned away, and so will not try again. */
const accepted = (socket) =>
  new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.on('connect_error', (error) => socket.active || reject(error));
  });

const commands = {
  async connect({ port, count, namespaces = 1 }) {
    const fresh = [];
    const open = (i) =>
      io(`http://127.0.0.1:${port}${i % namespaces === 0 ? '' : `/n${i % namespaces}`}`, {
        transports: ['websocket'],
        forceNew: true,
        reconnectionDelay: 20,
        reconnectionDelayMax: 50,
      });
    while (fresh.length < count) {
      const next = Array.from({ length: Math.min(AT_ONCE, count - fresh.length) }, (_, i) => open(fresh.length + i));
      await Promise.all(next.map(accepted));
      fresh.push(...next);
    }
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

answer(commands);
process.send({ ready: true });
