import { describe, expect, it } from 'vitest';
import { commandStats } from './support/command-stats.js';
import { useOwnRedis } from './support/own-redis.js';
import { addEntry } from './support/plain-redis.js';

const BROADCAST = '3';
const SERVER_SIDE_EMIT = '9';
const SOMEONE = { uid: 'someone', nsp: '/' };
const TO_ALL = '"opts":{"rooms":[],"except":[],"flags":{}}';

const POISON: Record<string, Record<string, string>> = {
  'no field that is known': { hello: 'world' },
  'no data': { ...SOMEONE, type: BROADCAST },
  'no type': { ...SOMEONE, data: '{}' },
  'an unknown type': { ...SOMEONE, type: '99', data: '{}' },
  'JSON that breaks off': { ...SOMEONE, type: BROADCAST, data: `{${TO_ALL},"packet":{"type":2,"da` },
  'MessagePack that is none': { ...SOMEONE, type: BROADCAST, data: 'wcHBwcE=' },
  'no packet': { ...SOMEONE, type: BROADCAST, data: `{${TO_ALL}}` },
  'rooms that are none': {
    ...SOMEONE,
    type: BROADCAST,
    data: '{"opts":{"rooms":{}},"packet":{"type":2,"data":["a"]}}',
  },
  'an event that clients refuse': {
    ...SOMEONE,
    type: BROADCAST,
    data: `{${TO_ALL},"packet":{"type":2,"data":["connect"]}}`,
  },
  'a packet that ends connections': {
    ...SOMEONE,
    type: BROADCAST,
    data: `{${TO_ALL},"packet":{"type":1,"data":["a"]}}`,
  },
  'an event for servers with no name': { ...SOMEONE, type: SERVER_SIDE_EMIT, data: '{"packet":[]}' },
};

for (const recovery of [false, true]) {
  describe(`an entry that nobody can use (recovery ${recovery ? 'on' : 'off'})`, () => {
    const own = useOwnRedis({ serverOptions: recovery ? { connectionStateRecovery: {} } : {} });

    for (const [name, fields] of Object.entries(POISON)) {
      it(`with ${name}: it is skipped and told of, and the next one is delivered`, async () => {
        const { cluster } = own();
        const clients = await cluster.connectEach();
        const before = await Promise.all(
          cluster.nodes.map(async (node) => (await node.recorded('messageDropped')).length),
        );
        await addEntry(cluster, fields);
        await cluster.node(0).run((io) => io.emit('next'));

        for (const client of clients) expect(await client.next('next')).toEqual([[]]);
        for (const [index, node] of cluster.nodes.entries()) await node.recorded('messageDropped', before[index]! + 1);
      });
    }

    it('is read once, however many there are', async () => {
      const { redis, cluster } = own();
      const clients = await cluster.connectEach();
      const { calls } = await commandStats(redis, 'xread');
      const poison = Object.values(POISON);
      for (let n = 0; n < 300; n++) await addEntry(cluster, poison[n % poison.length]!);
      await cluster.node(0).run((io) => io.emit('next'));
      await Promise.all(clients.map((client) => client.next('next')));

      // at most one read an entry and node, and those that were under way
      expect((await commandStats(redis, 'xread')).calls - calls).toBeLessThan(2 * 301 + 10);
    });
  });

  describe(`a listener that throws (recovery ${recovery ? 'on' : 'off'})`, () => {
    const own = useOwnRedis({ serverOptions: recovery ? { connectionStateRecovery: {} } : {} });

    it('of an event between servers: the next event is delivered', async () => {
      const { redis, cluster } = own();
      await cluster.node(1).run((io, ctx) => {
        io.on('between servers', ctx.record('between servers'));
        io.on('between servers', (bad: boolean) => {
          if (bad) throw new Error('a bug of the application');
        });
      });
      const { calls } = await commandStats(redis, 'xread');
      await cluster.node(0).run((io) => {
        for (let n = 0; n < 100; n++) io.serverSideEmit('between servers', n % 2 === 0);
      });

      expect(await cluster.node(1).recorded('between servers', 100)).toEqual(
        Array.from({ length: 100 }, (_, n) => [n % 2 === 0]),
      );
      expect(await cluster.node(1).recorded('messageDropped', 1)).toEqual([
        [{ reason: 'handler_error: a bug of the application', count: 1 }],
      ]);
      expect((await commandStats(redis, 'xread')).calls - calls).toBeLessThan(100);
    });

    it('of outgoing packets: the next packet is delivered', async () => {
      const { redis, cluster } = own();
      const [near, far] = await cluster.connectEach();
      await cluster.node(1).run((io, _ctx, id) => {
        io.sockets.sockets.get(id)!.onAnyOutgoing((event: string) => {
          if (event === 'poison') throw new Error('another bug of the application');
        });
      }, far!.id);
      const { calls } = await commandStats(redis, 'xread');
      await cluster.node(0).run((io) => {
        for (let n = 0; n < 100; n++) io.emit(n % 2 === 0 ? 'poison' : 'good', n);
      });
      await cluster.barrier();

      expect(near!.received('poison')).toHaveLength(50);
      expect(far!.received('good')).toEqual(Array.from({ length: 50 }, (_, n) => [2 * n + 1]));
      expect((await cluster.node(1).recorded('messageDropped')).flat()).toContainEqual({
        reason: 'handler_error: another bug of the application',
        count: 1,
      });
      expect((await commandStats(redis, 'xread')).calls - calls).toBeLessThan(100);
    });

    it('of the events of the adapter: nothing of what comes in is lost', async () => {
      const { cluster } = own();
      await cluster.node(1).run((_io, ctx) => {
        const { events } = ctx.adapterFactory as unknown as { events: NodeJS.EventEmitter };
        events.on('messageDropped', () => {
          throw new Error('a bug in the reporting of the application');
        });
      });
      const [, far] = await cluster.connectEach();
      const poison = { uid: 'someone', nsp: '/', type: '3', data: '{"a listener that throws":true' };
      const batch = cluster.redis.multi();
      batch.xAdd(cluster.streamName, '*', poison);
      for (let n = 0; n < 10; n++) {
        const data = JSON.stringify({
          opts: { rooms: [], except: [], flags: {} },
          packet: { type: 2, data: ['good', n] },
        });
        batch.xAdd(cluster.streamName, '*', { uid: 'someone', nsp: '/', type: '3', data });
      }
      await batch.exec();
      await cluster.barrier();

      expect(far!.received('good')).toEqual(Array.from({ length: 10 }, (_, n) => [n]));
    });
  });
}
