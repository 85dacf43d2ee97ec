import { RedisServer } from 'nestjs-redis-streams-adapter/testing';
import { Child } from './child.mjs';

/** Runs `work` on a cluster of its own: a fresh Redis, fresh nodes, fresh clients. */
export async function onCluster({ adapter, nodes, ...options }, work) {
  const redis = await RedisServer.start();
  const children = [];
  try {
    for (let i = 0; i < nodes; i++)
      children.push(await Child.start('./node.mjs', { adapter, url: redis.url, ...options }));
    const clients = await Child.start('./clients.mjs');
    children.push(clients);
    return await work({ redis, nodes: children.slice(0, nodes), clients });
  } finally {
    await Promise.all(children.map((child) => child.stop()));
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
