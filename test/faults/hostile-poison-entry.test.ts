import { beforeAll, describe, expect, it } from 'vitest';
import { waitFor, type ServerNode } from '../harness/index.js';
import { commandStats } from './support/command-stats.js';
import { droppedDuring, holdMinutes } from './support/dropped.js';
import { useOwnRedis } from './support/own-redis.js';
import { addEntry } from './support/plain-redis.js';

const BROADCAST = '3';
const SERVER_SIDE_EMIT = '9';
const SOMEONE = { uid: 'someone', nsp: '/' };
const TO_ALL = '"opts":{"rooms":[],"except":[],"flags":{}}';

interface Poison {
  fields: Record<string, string>;
  /** What the node says of it. */
  reason: RegExp;
}

const POISON: Record<string, Poison> = {
  'no field that is known': { fields: { hello: 'world' }, reason: /^decode_error: .*lacks a field/ },
  'no type': { fields: { ...SOMEONE, data: '{}' }, reason: /^decode_error: .*lacks a field/ },
  'no data': { fields: { ...SOMEONE, type: BROADCAST }, reason: /^decode_error: .*neither JSON nor MessagePack/ },
  'an unknown type': {
    fields: { ...SOMEONE, type: '99', data: '{}' },
    reason: /^decode_error: unknown message type 99/,
  },
  'JSON that breaks off': {
    fields: { ...SOMEONE, type: BROADCAST, data: `{${TO_ALL},"packet":{"type":2,"da` },
    reason: /^decode_error: .*neither JSON nor MessagePack/,
  },
  'MessagePack that is none': {
    fields: { ...SOMEONE, type: BROADCAST, data: 'wcHBwcE=' },
    reason: /^decode_error: .*neither JSON nor MessagePack/,
  },
  'no packet': {
    fields: { ...SOMEONE, type: BROADCAST, data: `{${TO_ALL}}` },
    reason: /^decode_error: `packet` is not an object/,
  },
  'rooms that are none': {
    fields: { ...SOMEONE, type: BROADCAST, data: '{"opts":{"rooms":{}},"packet":{"type":2,"data":["a"]}}' },
    reason: /^decode_error: `opts\.rooms` is not an array of rooms/,
  },
  'an event that clients refuse': {
    fields: { ...SOMEONE, type: BROADCAST, data: `{${TO_ALL},"packet":{"type":2,"data":["connect"]}}` },
    reason: /^decode_error: .*does not begin with the name of an event/,
  },
  'a packet that ends connections': {
    fields: { ...SOMEONE, type: BROADCAST, data: `{${TO_ALL},"packet":{"type":1,"data":["a"]}}` },
    reason: /^decode_error: a packet of type 1 cannot be broadcast/,
  },
  'an event for servers with no name': {
    fields: { ...SOMEONE, type: SERVER_SIDE_EMIT, data: '{"packet":[]}' },
    reason: /^decode_error: `packet` is not an array of arguments/,
  },
};

for (const recovery of [false, true]) {
  describe(`an entry that nobody can use (recovery ${recovery ? 'on' : 'off'})`, () => {
    const own = useOwnRedis({ serverOptions: recovery ? { connectionStateRecovery: {} } : {} });
    beforeAll(() => holdMinutes(own().cluster.nodes));

    for (const [name, { fields, reason }] of Object.entries(POISON)) {
      it(`with ${name}: it is skipped and counted, and the next one is delivered`, async () => {
        const { cluster } = own();
        const clients = await cluster.connectEach();
        const drops = await droppedDuring(cluster.nodes, async () => {
          await addEntry(cluster, fields);
          await cluster.node(0).run((io) => io.emit('next'));
          for (const client of clients) expect(await client.next('next')).toEqual([[]]);
        });

        for (const counts of drops) expect(Object.entries(counts)).toEqual([[expect.stringMatching(reason), 1]]);
      });
    }

    it('is read once and counted once, and told of once a minute, however many there are', async () => {
      const { redis, cluster } = own();
      const clients = await cluster.connectEach();
      const poison = Object.values(POISON);
      const before = await Promise.all(cluster.nodes.map(reasons));
      const { calls } = await commandStats(redis, 'xread');
      let told: string[][] = [];
      const drops = await droppedDuring(cluster.nodes, async () => {
        for (let n = 0; n < 300; n++) await addEntry(cluster, poison[n % poison.length]!.fields);
        await cluster.node(0).run((io) => io.emit('next'));
        await Promise.all(clients.map((client) => client.next('next')));
        told = await Promise.all(cluster.nodes.map(reasons));
      });

      // at most one read an entry and node, and those that were under way
      expect((await commandStats(redis, 'xread')).calls - calls).toBeLessThan(2 * 301 + 10);
      for (const [index, counts] of drops.entries()) {
        const here = told[index]!.slice(before[index]!.length);
        expect(here).toEqual([...new Set(here)]);
        expect(Object.values(counts).reduce((all, count) => all + count)).toBe(300);
      }
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

    it('of outgoing packets, on either node: every client has every packet', async () => {
      const { redis, cluster } = own();
      const clients = [...(await cluster.connectEach()), ...(await cluster.connectEach())];
      for (const [index, node] of cluster.nodes.entries()) {
        await node.run((io, _ctx, id) => {
          io.sockets.sockets.get(id)!.onAnyOutgoing((event: string) => {
            if (event === 'poison') throw new Error('another bug of the application');
          });
        }, clients[index]!.id);
      }
      const { calls } = await commandStats(redis, 'xread');
      const thrown = await cluster.node(0).run((io) => {
        let count = 0;
        for (let n = 0; n < 100; n++) {
          try {
            io.emit(n % 2 === 0 ? 'poison' : 'good', n);
          } catch {
            count++;
          }
        }
        return count;
      });
      await cluster.barrier();

      // as Socket.IO does; with recovery, the node delivers to its own clients when it reads the entry
      expect(thrown).toBe(recovery ? 0 : 50);
      for (const client of clients) {
        expect(client.events.map(({ args }) => args[0])).toEqual([...Array(100).keys()]);
      }
      expect((await reasons(cluster.node(1))).at(-1)).toBe('handler_error: another bug of the application');
      expect((await commandStats(redis, 'xread')).calls - calls).toBeLessThan(100);
    });

    it('of outgoing packets, on a node that is asked for acknowledgements: all of them come', async () => {
      const { cluster } = own();
      const clients = await cluster.connectEach();
      for (const { socket } of clients) socket.on('question', (answer: (text: string) => void) => answer('yes'));
      await cluster.node(1).run((io, _ctx, id) => {
        io.sockets.sockets.get(id)!.onAnyOutgoing(() => {
          throw new Error('a bug of the application');
        });
      }, clients[1]!.id);
      const answers = await cluster.node(0).run((io) => io.timeout(20_000).emitWithAck('question'));
      expect(answers).toEqual(['yes', 'yes']);
    });

    it('of answers, on the node that has asked: it goes on', async () => {
      const { cluster } = own();
      const clients = await cluster.connectEach();
      await cluster.node(1).run((io) => void io.on('question', (answer: (text: string) => void) => answer('yes')));
      await cluster.node(0).run((io, ctx) => {
        process.on('unhandledRejection', ctx.record('unhandledRejection'));
        io.serverSideEmit('question', () => {
          throw new Error('a bug in what is done with the answers');
        });
      });
      await waitFor(
        async () => (await reasons(cluster.node(0))).includes('handler_error: a bug in what is done with the answers'),
        { what: 'what was thrown to be told of' },
      );
      await cluster.node(0).run((io) => io.emit('next'));
      for (const client of clients) expect(await client.next('next')).toEqual([[]]);
      expect(await cluster.node(0).recorded('unhandledRejection', 0)).toEqual([]);
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

/** What the node told of messages that it could not use. */
async function reasons(node: ServerNode): Promise<string[]> {
  return (await node.recorded('messageDropped')).map(([event]) => (event as { reason: string }).reason);
}
