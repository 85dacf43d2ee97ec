import { describe, expect, it, onTestFinished } from 'vitest';
import { RedisServer } from '../../src/testing/index.js';
import { RedisProxy } from '../../src/testing/redis-proxy.js';
import { waitFor } from '../harness/index.js';
import { clientFamilies } from './support/families.js';
import { ownNames, startNodes, type Node } from './support/nodes.js';

async function startServer(...args: string[]): Promise<RedisServer> {
  const server = await RedisServer.start({ args: ['--repl-diskless-sync-delay', '0', ...args] });
  onTestFinished(() => server.stop());
  return server;
}

/** What a DNS name, or a virtual IP, does: it leads to one server or another, and leaves the connections alone that there are. */
async function nameOf({ port }: RedisServer): Promise<RedisProxy> {
  const name = await RedisProxy.start(port);
  onTestFinished(() => name.stop());
  return name;
}

function lost({ events }: Node): unknown[] {
  const roles = events.filter((event) => event.name === 'connectionLost').map(({ role }) => role);
  return roles.toSorted();
}

function ready({ factory }: Node): boolean {
  return factory.snapshot()[0]!.connections.every(({ state }) => state === 'ready');
}

let name: RedisProxy;

const families = clientFamilies(() => ({ host: '127.0.0.1', port: Number(new URL(name.url).port) })).filter((family) =>
  /^(redis 6|ioredis 5)/.test(family.name),
);

describe('a master behind a name', () => {
  it.each(families)('becomes a replica that lives on: every connection of $name finds the next', async (family) => {
    const master = await startServer();
    const replica = await startServer('--replicaof', master.host, String(master.port));
    name = await nameOf(master);
    await waitFor(async () => /master_link_status:up/.test(String(await replica.command('INFO', 'replication'))), {
      deadline: 30_000,
      what: 'the replica to be one',
    });
    const adapterOptions = ownNames();
    const client = async () => {
      const given = await family.create({ name: 'failover' });
      onTestFinished(() => given.close());
      return given.client;
    };
    const nodes = await startNodes({ client, adapterOptions });
    for (const [index, { io }] of nodes.entries()) {
      io.on('who', (answer: (index: number) => void) => answer(index));
    }

    await replica.command('REPLICAOF', 'NO', 'ONE');
    await master.command('REPLICAOF', replica.host, String(replica.port));
    // nobody publishes anything
    for (const node of nodes) await waitFor(() => lost(node).length === 3, { what: 'every connection to be left' });
    name.lead(replica.port);
    // A node that starts meanwhile knows those alone that are back.
    for (const node of nodes) await waitFor(() => ready(node), { what: 'every connection to be back' });

    const [newcomer] = (await startNodes({ client, count: 1, adapterOptions })) as [Node];
    expect(newcomer.factory.snapshot()[0]!.members).toHaveLength(2);
    expect(((await newcomer.io.serverSideEmitWithAck('who')) as number[]).toSorted()).toEqual([0, 1]);
    // once each, and not to and fro
    for (const node of nodes) expect(lost(node)).toEqual(['reader', 'subscriber', 'writer']);
  });
});
