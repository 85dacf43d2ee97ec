import { setTimeout as delay } from 'node:timers/promises';
import { io } from 'socket.io-client';
import { RedisServer } from 'nestjs-redis-streams-adapter/testing';
import { Child } from '../child.mjs';

/** Runs `work` with nodes of one adapter on a Redis of their own, which keeps its data over a restart. */
export async function withNodes({ adapter, nodes, ...options }, work) {
  const redis = await RedisServer.start({ appendOnly: true });
  const children = [];
  const clients = [];
  const start = async () => {
    const child = await Child.start('./node.mjs', { adapter, url: redis.url, ...options }, { silent: true });
    // what nobody reads fills the pipe in the end, and holds up the process
    child.process.stdout.resume();
    child.process.stderr.resume();
    child.run = (work, ...args) => child.ask('run', { source: String(work), args });
    children.push(child);
    return child;
  };
  const connect = async (node, settings = {}) => {
    const client = io(`http://127.0.0.1:${node.port}`, { transports: ['websocket'], forceNew: true, ...settings });
    clients.push(client);
    await settle(() => client.connected);
    if (!client.connected) throw new Error(`no connection to the node on port ${node.port}`);
    return client;
  };
  try {
    const first = [];
    for (let i = 0; i < nodes; i++) first.push(await start());
    return await work({ redis, nodes: first, start, connect });
  } catch (error) {
    if (children.some(hasEnded)) return 'the process ends';
    throw error;
  } finally {
    for (const client of clients) client.close();
    await Promise.all(children.map((child) => child.stop()));
    await redis.stop();
  }
}

/** Whether the process of a node ended by itself: one that was killed has a signal, and no code. */
export const hasEnded = ({ process }) => process.exitCode !== null;

/** For a node to run: emits `count` numbered messages over about `ms` milliseconds. */
export const emitNumbers = async (io, count, ms, from = 0) => {
  const start = Date.now();
  for (let n = 0; n < count; n++) {
    io.emit('m', from + n);
    const due = start + (n * ms) / count;
    if (due > Date.now()) await new Promise((resolve) => setTimeout(resolve, due - Date.now()));
  }
};

/** The numbers that come in as event `m`. */
export function numbers(client) {
  const seen = [];
  client.on('m', (n) => seen.push(n));
  return seen;
}

/** Waits until `done()`, but no longer than `timeout` ms: what has not come by then is lost. */
export async function settle(done, timeout = 10_000) {
  const deadline = Date.now() + timeout;
  while (!done() && Date.now() < deadline) await delay(25);
}

/** What became of `count` numbered messages. */
export function verdict(seen, count) {
  const distinct = new Set(seen);
  let outOfOrder = 0;
  let last = -1;
  for (const n of seen) {
    if (n < last) outOfOrder++;
    else last = n;
  }
  return { lost: count - distinct.size, twice: seen.length - distinct.size, outOfOrder };
}

export const describe = ({ lost, twice, outOfOrder }) =>
  lost + twice + outOfOrder === 0 ? 'none' : `${lost} lost, ${twice} twice, ${outOfOrder} out of order`;
