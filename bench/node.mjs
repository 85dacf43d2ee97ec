// A Socket.IO server in a process of its own, driven over IPC.
import { createServer } from 'node:http';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { Server } from 'socket.io';
import { ADAPTERS } from './adapters.mjs';
import { answer } from './answer.mjs';
import { watchEventLoop } from './event-loop.mjs';

const {
  adapter: name,
  url,
  recovery = false,
  maxLen = 10_000,
  namespaces = 1,
  ...options
} = JSON.parse(process.argv[2]);
const { adapter, ready, handle = (run) => run() } = await ADAPTERS[name](url, { maxLen, ...options });
const httpServer = createServer();
const io = new Server(httpServer, { adapter, ...(recovery && { connectionStateRecovery: {} }) });
const all = Array.from({ length: namespaces }, (_, i) => io.of(i === 0 ? '/' : `/n${i}`));
await ready(io);

for (const namespace of all) namespace.on('connection', (socket) => socket.recovered || socket.join('room'));

const payloads = {
  json: (size) => ({ text: 'x'.repeat(Math.max(0, size - 30)), number: 1, flag: true }),
  binary: (size) => Buffer.alloc(size, 1),
};

let endWatch;
const commands = {
  /** Emits as fast as it can, in turns of `burst`, each of which is the work of a handler if it is said so. */
  async emit({ count, kind = 'json', size = 200, burst = 20, namespace = 0, rooms = 1, handled = false }) {
    const payload = payloads[kind](size);
    // nobody is in the others
    const names = ['room', ...Array.from({ length: rooms - 1 }, (_, i) => `empty-room-${i}`)];
    const portion = (length) => {
      for (let i = 0; i < length; i++) all[namespace % all.length].to(names).emit('m', payload);
    };
    for (let sent = 0; sent < count; sent += burst) {
      const length = Math.min(burst, count - sent);
      if (handled) handle(() => portion(length));
      else portion(length);
      if (length === burst) await turn();
    }
  },
  /** Emits at a steady pace, with the time of each. */
  async pace({ count, perSecond, size = 200 }) {
    const { text } = payloads.json(size);
    const start = process.hrtime.bigint();
    for (let i = 0; i < count; i++) {
      const due = start + BigInt(Math.round((i * 1e9) / perSecond));
      const wait = Number(due - process.hrtime.bigint()) / 1e6;
      if (wait > 0) await delay(wait);
      io.to('room').emit('m', { text, at: String(process.hrtime.bigint()) });
    }
  },
  usage() {
    const { user, system } = process.cpuUsage();
    const { maxRSS, voluntaryContextSwitches: wakeUps } = process.resourceUsage();
    return { cpu: user + system, maxRss: maxRSS * 1024, heap: process.memoryUsage().heapUsed, wakeUps };
  },
  watchEventLoop() {
    endWatch = watchEventLoop();
  },
  eventLoop: () => endWatch(),
  /** Runs the text of a function, which is given the Server. */
  async run({ source, args }) {
    // oxlint-disable-next-line no-eval -- the scenarios bring their own code
    return (0, eval)(`(${source})`)(io, ...args);
  },
  close: () => io.close(),
  collectGarbage() {
    globalThis.gc?.();
    return process.memoryUsage().heapUsed;
  },
};

answer(commands);
httpServer.listen(0, '127.0.0.1', () => process.send({ port: httpServer.address().port }));
