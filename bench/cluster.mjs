import { setTimeout as delay } from 'node:timers/promises';
import { RedisServer } from 'nestjs-redis-streams-adapter/testing';
import { Child } from './child.mjs';

/** Runs `work` on a cluster of its own: a fresh Redis, fresh nodes, fresh clients. */
export function onCluster({ nodes, ...options }, work) {
  const scripts = [...Array.from({ length: nodes }, () => ['./node.mjs', options]), ['./clients.mjs']];
  return onRedis(scripts, (redis, children) =>
    work({ redis, nodes: children.slice(0, nodes), clients: children[nodes] }),
  );
}

/** Runs `work` on a fresh Redis, with fresh processes of these scripts, each with its options. */
export async function onRedis(scripts, work) {
  const redis = await RedisServer.start();
  // all at once: a node spends most of its start waiting
  const starts = scripts.map(([script, options]) => Child.start(script, { url: redis.url, ...options }));
  try {
    return await work(redis, await Promise.all(starts));
  } finally {
    const started = await Promise.allSettled(starts);
    await Promise.all(started.map(({ value }) => value?.stop()));
    await redis.stop();
  }
}

/** CPU time of each node while `work` runs, in microseconds. */
export async function cpuOf(nodes, work) {
  const usage = () => Promise.all(nodes.map((node) => node.ask('usage')));
  const before = await usage();
  await work();
  const after = await usage();
  return after.map(({ cpu }, index) => cpu - before[index].cpu);
}

/** Emits in portions, each once the one before has arrived: no adapter is asked for more than it can do. */
export async function closedLoop({ emitter, clients, sockets, count, portion = 500, ...message }) {
  await clients.ask('reset');
  for (let sent = 0; sent < count; sent += portion) {
    await emitter.ask('emit', { count: portion, ...message });
    const total = (sent + portion) * sockets;
    const received = await clients.ask('received', { total });
    if (received < total) throw new Error(`only ${received} of ${total} messages arrived within a minute`);
  }
}

/** Resolves when nothing is published any more. A node does not wait for Redis to serve its own sockets, nor for those that have none. */
export async function quiet(redis) {
  const published = async () => {
    const counts = await commandCounts(redis);
    return ['xadd', 'publish', 'spublish'].reduce((sum, name) => sum + (counts.get(name) ?? 0), 0);
  };
  let last;
  for (let now = await published(); now !== last; now = await published()) {
    last = now;
    await delay(20);
  }
}

/** `field` of INFO, as a number. See https://redis.io/docs/latest/commands/info/ */
export async function redisInfo(redis, section, field) {
  const info = String(await redis.command('INFO', section));
  return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1]);
}

/** How often Redis has executed each command, but for this one. */
export async function commandCounts(redis) {
  const info = String(await redis.command('INFO', 'commandstats'));
  const counts = [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name, count]) => [name, Number(count)]);
  return new Map(counts.filter(([name]) => name !== 'info'));
}

/** How many commands Redis has executed. */
export async function commandCount(redis) {
  return [...(await commandCounts(redis)).values()].reduce((sum, calls) => sum + calls, 0);
}

/** CPU time of Redis' main thread so far, in microseconds. */
export async function redisCpu(redis) {
  const fields = ['used_cpu_user_main_thread', 'used_cpu_sys_main_thread'];
  const info = String(await redis.command('INFO', 'cpu'));
  return fields.reduce(
    (total, field) => total + 1e6 * Number(new RegExp(`^${field}:([\\d.]+)`, 'm').exec(info)?.[1]),
    0,
  );
}
