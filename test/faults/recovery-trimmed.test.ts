import { describe, expect, it } from 'vitest';
import { startCluster } from '../harness/index.js';
import { away, numbers, present, send } from './support/away.js';

const serverOptions = { connectionStateRecovery: {} };

describe('a stream that was trimmed', () => {
  it('is no loss to a client that was idle', async () => {
    const cluster = await startCluster({ nodes: 1, serverOptions });
    const client = await present(cluster, 0, { rooms: ['mine'] });
    const { id } = client;
    await send(cluster.node(0), 'theirs', 0, 200);
    await cluster.node(0).run((io) =>
      io
        .timeout(5_000)
        .emitWithAck('with acknowledgement')
        .catch(() => undefined),
    );
    await client.drop();
    await cluster.sessionSaved(client);
    await cluster.redis.xTrim(cluster.streamName, 'MAXLEN', 0);
    // neither the stream nor the memory of this node holds what the offset of the client stands for
    await client.connect(await cluster.addNode());
    await send(cluster.node(0), 'mine', 0, 2);

    expect(client).toMatchObject({ recovered: true, id });
    expect(await client.next('packet', 2)).toEqual(numbers(0, 2));
  });

  it('makes a client start afresh that missed something of it', async () => {
    const cluster = await startCluster({
      serverOptions,
      // one message an entry, so that it is trimmed between two of them
      nodes: [{ adapterOptions: { interop: true } }, { adapterOptions: { recentMaxBytes: 2_000 } }],
    });
    const witness = await present(cluster, 1, { rooms: ['mine'] });
    const clients = [await away(cluster, 0, { rooms: ['mine'] }), await away(cluster, 0, { rooms: ['mine'] })];
    await send(cluster.node(0), 'mine', 0, 50);
    await witness.next('packet', 50);
    await cluster.redis.xTrim(cluster.streamName, 'MAXLEN', 20);
    await clients[0]!.connect(cluster.node(1));
    await clients[1]!.connect(cluster.node(0));
    await cluster.barrier();

    // a part of it would be worse than nothing
    expect([clients[0]!.recovered, clients[0]!.received('packet')]).toEqual([false, []]);
    // the other node still knows all of it
    expect([clients[1]!.recovered, clients[1]!.received('packet')]).toEqual([true, numbers(0, 50)]);
  });
});
