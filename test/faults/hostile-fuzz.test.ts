import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { MessageType } from 'socket.io-adapter';
import { beforeAll, describe, expect, it } from 'vitest';
import { readEntry } from '../../src/adapter/wire/entry.js';
import { waitFor, type Cluster, type TestClient } from '../harness/index.js';
import { droppedDuring, holdMinutes } from './support/dropped.js';
import { hostileEntries, hostileMessages } from './support/hostile-input.js';
import { stateOf } from './support/node-state.js';
import { useOwnRedis } from './support/own-redis.js';

const ENTRIES = 3_000;
const MESSAGES = 2_000;
/** It ends a hang, and measures nothing. */
const DEADLINE = 15_000;
/** Printed with a failure by its name: change it here to see the same input again. */
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000_000);

for (const recovery of [false, true]) {
  describe(`hostile input from another Redis client, seed ${SEED} (recovery ${recovery ? 'on' : 'off'})`, () => {
    const own = useOwnRedis({
      adapterOptions: { interop: true },
      serverOptions: recovery ? { connectionStateRecovery: {} } : {},
    });
    beforeAll(() => holdMinutes(own().cluster.nodes));

    it(`${ENTRIES} entries in the stream: no node and no client is lost, the bad ones are counted, and the next good one is delivered`, async () => {
      const { cluster } = own();
      const { clients, uids } = await start(cluster);
      const entries = fc.sample(hostileEntries(uids), { seed: SEED, numRuns: ENTRIES });
      const drops = await droppedDuring(cluster.nodes, async () => {
        for (let n = 0; n < entries.length; n += 100) {
          const batch = cluster.redis.multi();
          for (const fields of entries.slice(n, n + 100)) {
            batch.addCommand(['XADD', cluster.streamName, '*', ...Object.entries(fields).flat()]);
          }
          await batch.exec();
        }
        await cluster.barrier(clients);
      });
      const malformed = entries.filter((fields) => !isEntry(fields)).length;

      expect(malformed).toBeGreaterThan(100);
      for (const counts of drops) {
        // of what is laid out as it should be, there is no telling without doing what the nodes do
        expect(sum(counts, 'lacks a field')).toBe(malformed);
        expect(sum(counts, 'decode_error')).toBeGreaterThan(malformed + 100);
        expect(sum(counts, 'handler_error')).toBe(0);
      }
      await survived(cluster, clients, uids);
    });

    it(`${MESSAGES} messages on the channels: no node and no client is lost, the bad ones are counted, and requests are answered`, async () => {
      const { cluster } = own();
      const { clients, uids } = await start(cluster);
      const { prefix } = cluster;
      const channels = [
        { name: `${prefix}#@cluster#`, listeners: uids },
        { name: `${prefix}#/#`, listeners: uids },
        ...uids.flatMap((uid) =>
          [`${prefix}#@${uid}#`, `${prefix}#/#${uid}#`].map((name) => ({ name, listeners: [uid] })),
        ),
      ];
      const messages = fc.sample(hostileMessages(uids), { seed: SEED, numRuns: MESSAGES });
      const letters = messages.map((message, n) => ({ message, ...channels[n % channels.length]! }));
      const drops = await droppedDuring(cluster.nodes, async () => {
        await Promise.all(letters.map(({ name, message }) => cluster.redis.sendCommand(['PUBLISH', name, message])));
        await heardToTheEnd(cluster);
      });

      for (const [index, uid] of uids.entries()) {
        const heard = letters.filter(({ listeners }) => listeners.includes(uid));
        const malformed = heard.filter(({ message }) => !isMessage(message)).length;
        expect(malformed).toBeGreaterThan(100);
        expect(sum(drops[index]!, 'malformed message')).toBe(malformed);
      }
      await survived(cluster, clients, uids);
    });
  });
}

async function start(cluster: Cluster): Promise<{ clients: TestClient[]; uids: string[] }> {
  const clients = await cluster.connectEach();
  // so that each node has numbers that can be forged
  await cluster.barrier();
  const uids = (await Promise.all(cluster.nodes.map(stateOf))).map(({ uid }) => uid);
  return { clients, uids };
}

/** Whether an entry has every field that it needs, in a form that can be read. */
function isEntry(fields: Readonly<Record<string, string | Buffer>>): boolean {
  const raw = Object.entries(fields).flat();
  const bytes = raw.map((field) => (typeof field === 'string' ? Buffer.from(field) : field));
  return readEntry('stream', '1-1', bytes) !== undefined;
}

/** Whether a message on a channel tells who has sent it, and what it is. */
function isMessage(message: Buffer): boolean {
  try {
    const { uid, type } = decode(message) as { uid: unknown; type: unknown };
    return typeof uid === 'string' && (typeof type === 'number' || typeof type === 'string');
  } catch {
    return false;
  }
}

/** Waits until every node has heard what was published on the channels so far. */
async function heardToTheEnd(cluster: Cluster): Promise<void> {
  await tell(cluster, 'the last one', MessageType.HEARTBEAT);
  for (const node of cluster.nodes) {
    await waitFor(async () => (await stateOf(node)).members.some(({ uid }) => uid === 'the last one'), {
      deadline: DEADLINE,
      what: `the last heartbeat to be heard by ${node.name}`,
    });
  }
}

/** Nodes that somebody has made up would never answer. */
async function withoutThoseMadeUp(cluster: Cluster, uids: readonly string[]): Promise<void> {
  for (const node of cluster.nodes) {
    const { members } = await stateOf(node);
    for (const { uid } of members) if (!uids.includes(uid)) await tell(cluster, uid, MessageType.ADAPTER_CLOSE);
    await waitFor(async () => (await stateOf(node)).members.length === uids.length - 1, {
      deadline: DEADLINE,
      what: `${node.name} to know the real nodes alone`,
    });
  }
}

async function tell({ redis, prefix }: Cluster, uid: string, type: MessageType): Promise<void> {
  await redis.sendCommand(['PUBLISH', `${prefix}#@cluster#`, Buffer.from(encode({ uid, type }))]);
}

/** How many messages were dropped for reasons that begin so. */
function sum(counts: Readonly<Record<string, number>>, part: string): number {
  return Object.entries(counts).reduce((all, [reason, count]) => all + (reason.includes(part) ? count : 0), 0);
}

async function survived(cluster: Cluster, clients: readonly TestClient[], uids: readonly string[]): Promise<void> {
  await withoutThoseMadeUp(cluster, uids);
  for (const node of cluster.nodes) {
    await node.run((io, ctx) => io.emit('good', ctx.options.name));
    expect(await node.run(() => Object.keys(Object.prototype).concat(Object.keys(Array.prototype)))).toEqual([]);
    const found = await node.run(async (io, _ctx, timeout) => {
      const sockets = await io.timeout(timeout).fetchSockets();
      return sockets.map(({ id }) => id);
    }, DEADLINE);
    expect(found.sort()).toEqual(clients.map(({ id }) => id).sort());
  }
  for (const client of clients) {
    expect((await client.next('good', cluster.nodes.length)).flat().sort()).toEqual(
      cluster.nodes.map(({ name }) => name).sort(),
    );
    expect(client.disconnectReason).toBeUndefined();
  }
}
