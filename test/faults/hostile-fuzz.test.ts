import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cluster } from '../harness/index.js';
import { hostileEntries, hostileMessages } from './support/hostile-input.js';
import { stateOf } from './support/node-state.js';
import { useOwnRedis } from './support/own-redis.js';

const ENTRIES = 3_000;
const MESSAGES = 2_000;
/** Printed with a failure by its name: change it here to see the same input again. */
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000_000);

for (const recovery of [false, true]) {
  describe(`hostile input from another Redis client, seed ${SEED} (recovery ${recovery ? 'on' : 'off'})`, () => {
    const own = useOwnRedis({
      adapterOptions: { interop: true },
      serverOptions: recovery ? { connectionStateRecovery: {} } : {},
    });

    it(`${ENTRIES} entries in the stream: no node and no client is lost, and the next good entry is delivered`, async () => {
      const { cluster } = own();
      const { clients, uids } = await start(cluster);
      const entries = fc.sample(hostileEntries(uids), { seed: SEED, numRuns: ENTRIES });
      for (let n = 0; n < entries.length; n += 100) {
        const batch = cluster.redis.multi();
        for (const fields of entries.slice(n, n + 100)) {
          batch.addCommand(['XADD', cluster.streamName, '*', ...Object.entries(fields).flat()]);
        }
        await batch.exec();
      }
      await survived(cluster, clients);
    });

    it(`${MESSAGES} messages on the channels: no node and no client is lost, and requests are answered`, async () => {
      const { cluster } = own();
      const { clients, uids } = await start(cluster);
      const { prefix } = cluster;
      const channels = [
        `${prefix}#@cluster#`,
        `${prefix}#/#`,
        ...uids.flatMap((uid) => [`${prefix}#@${uid}#`, `${prefix}#/#${uid}#`]),
      ];
      const messages = fc.sample(hostileMessages(uids), { seed: SEED, numRuns: MESSAGES });
      await Promise.all(
        messages.map((message, n) => cluster.redis.sendCommand(['PUBLISH', channels[n % channels.length]!, message])),
      );
      await survived(cluster, clients);
    });
  });
}

async function start(
  cluster: Cluster,
): Promise<{ clients: Awaited<ReturnType<Cluster['connectEach']>>; uids: string[] }> {
  const clients = await cluster.connectEach();
  // so that each node has numbers that can be forged
  await cluster.barrier();
  const uids = (await Promise.all(cluster.nodes.map(stateOf))).map(({ uid }) => uid);
  return { clients, uids };
}

async function survived(cluster: Cluster, clients: Awaited<ReturnType<Cluster['connectEach']>>): Promise<void> {
  await cluster.barrier(clients);
  for (const node of cluster.nodes) {
    await node.run((io, ctx) => io.emit('good', ctx.options.name));
    await node.recorded('messageDropped', 1);
    expect(await node.run(() => Object.keys(Object.prototype).concat(Object.keys(Array.prototype)))).toEqual([]);
    // nodes that somebody has made up never answer; what the real ones say is in the error then
    const found = await node.run((io) =>
      io
        .timeout(500)
        .fetchSockets()
        .catch(({ responses }) => responses as Array<{ id: string }>)
        .then((sockets) => sockets.map(({ id }) => id)),
    );
    expect(found.sort()).toEqual(clients.map(({ id }) => id).sort());
  }
  for (const client of clients) {
    expect((await client.next('good', cluster.nodes.length)).flat().sort()).toEqual(
      cluster.nodes.map(({ name }) => name).sort(),
    );
    expect(client.disconnectReason).toBeUndefined();
  }
}
