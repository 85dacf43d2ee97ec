import { encode } from '@msgpack/msgpack';
import { beforeAll, describe, expect, it } from 'vitest';
import { droppedDuring, holdMinutes } from './support/dropped.js';
import { stateOf } from './support/node-state.js';
import { useOwnRedis } from './support/own-redis.js';
import { addEntry } from './support/plain-redis.js';

const BROADCAST = '3';
const OPTIONS = '{"rooms":[],"except":[],"flags":{}}';
const LENGTH = OPTIONS.length;

/** A broadcast laid out as the nodes do it, so that its arguments are passed on as the text that they are. */
const laidOut = (args: string): string => `{"opts":${OPTIONS},"packet":{"type":2,"data":${args}}}`;
const broadcast = (data: string): Record<string, string> => ({ uid: 'someone', nsp: '/', type: BROADCAST, data });
const packed = (args: unknown[]): string =>
  Buffer.from(encode({ opts: JSON.parse(OPTIONS) as unknown, packet: { type: 2, data: args } })).toString('base64');

interface Crafted {
  /** @param uid a node of the cluster. @param n another number for each entry. */
  fields(uid: string, n: number): Record<string, string>;
  /** Why each node drops it, and counts it once. Without, it is well-formed, however odd it looks: it is delivered, and not counted. */
  reason?: RegExp;
  /** Whether it is dropped depends on Node.js: if not, it is delivered. */
  orDelivered?: true;
  /** It is for no client, so that there is nothing to see of it. */
  unseen?: true;
}

const UNREADABLE = /^decode_error: the data is neither JSON nor MessagePack/;

const CRAFTED: Record<string, Crafted> = {
  // JSON allows for spaces: it is parsed as a whole
  'arguments with a space behind them': {
    fields: (_uid, n) => ({ ...broadcast(laidOut('["odd"] ')), hdr: `${n} ${LENGTH}` }),
  },
  'arguments with a space before them': {
    fields: (_uid, n) => ({ ...broadcast(laidOut(' ["odd"]')), hdr: `${n} ${LENGTH}` }),
  },
  'arguments that end early': {
    fields: (_uid, n) => ({ ...broadcast(laidOut('["odd"],"x":[1]')), hdr: `${n} ${LENGTH}` }),
    reason: UNREADABLE,
  },
  'arguments that are none': {
    fields: (_uid, n) => ({ ...broadcast(laidOut('{"length":1}')), hdr: `${n} ${LENGTH}` }),
    reason: /^decode_error: `packet\.data` is not an array of arguments/,
  },
  // the length spares a parser work, and says nothing that the data does not say: without a good one, it is parsed as a whole
  'a length of the options that is too small': {
    fields: (_uid, n) => ({ ...broadcast(laidOut('["odd"]')), hdr: `${n} 5` }),
  },
  'a length of the options beyond the end': {
    fields: (_uid, n) => ({ ...broadcast(laidOut('["odd"]')), hdr: `${n} 99999999` }),
  },
  'a place for an attachment that is not there': {
    fields: () => broadcast(packed(['odd', new Uint8Array(8), { _placeholder: true, num: 7 }])),
    reason: /^decode_error: it holds what a client takes for the place of an attachment/,
  },
  // a key like any other in JSON, and it is nowhere merged into anything
  '__proto__ in its arguments': {
    fields: () => broadcast(laidOut('["odd",{"__proto__":{"polluted":true},"constructor":1}]')),
  },
  // what is not known of the options is left alone
  '__proto__ in its options': {
    fields: () =>
      broadcast('{"opts":{"rooms":[],"__proto__":{"flags":{"volatile":true}}},"packet":{"type":2,"data":["odd"]}}'),
  },
  // JSON of any depth can be parsed; whether what a client gets can be made from it again is up to the version of Node.js
  '10,000 arrays in each other': {
    fields: () => broadcast(laidOut(`["odd",${'['.repeat(10_000)}${']'.repeat(10_000)}]`)),
    reason: /^handler_error: Maximum call stack size exceeded/,
    orDelivered: true,
  },
  '10,000 arrays in each other, packed': {
    fields: () => broadcast(Buffer.concat([Buffer.alloc(10_000, 0x91), Buffer.from([0xc0])]).toString('base64')),
    reason: UNREADABLE,
  },
  // a message may be as large as Redis takes it
  '8 MB of text': { fields: () => broadcast(laidOut(`["odd","${'x'.repeat(8_000_000)}"]`)) },
  // rooms may be numbers, and as many as anybody likes; nobody is in one of them
  '100,000 rooms': {
    fields: () =>
      broadcast(JSON.stringify({ opts: { rooms: [...Array(100_000).keys()] }, packet: { type: 2, data: ['odd'] } })),
    unseen: true,
  },
  // only the node that asks waits for answers
  'a time-out of centuries': {
    fields: (_uid, n) => ({
      ...broadcast(
        '{"opts":{"rooms":[],"flags":{"timeout":1e300}},"packet":{"type":2,"data":["odd"]},"requestId":"made-up"}',
      ),
      hdr: `${n} 0 made_up`,
    }),
  },
  // no id at all, so that it is left out, as if nobody waited for an acknowledgement
  ...Object.fromEntries(
    [-1, 1.5, 1e300].map((id): [string, Crafted] => [
      `the number ${id} for its acknowledgement`,
      {
        fields: (uid, n) => ({
          ...broadcast(`{"opts":{"rooms":[],"flags":{"ackId":${id}}},"packet":{"type":2,"data":["odd"]}}`),
          uid,
          hdr: `${3_000_000 + n} 0`,
        }),
      },
    ]),
  ),
  // What is missing before it is a loss, and tells nothing about the entry itself. A node cannot tell who has really written it.
  'a number far ahead of those of a node': {
    fields: (uid, n) => ({ ...broadcast(laidOut('["odd"]')), uid, hdr: `${1_000_000 + n} ${LENGTH}` }),
  },
  'a node that pretends to be another': {
    fields: (uid, n) => ({ ...broadcast(laidOut('["odd"]')), pub: uid, hdr: `${2_000_000 + n} 0` }),
  },
};

for (const recovery of [false, true]) {
  describe(`a crafted entry (recovery ${recovery ? 'on' : 'off'})`, () => {
    const own = useOwnRedis({ serverOptions: recovery ? { connectionStateRecovery: {} } : {} });
    beforeAll(() => holdMinutes(own().cluster.nodes));
    let number = 0;

    for (const [name, { fields, reason, orDelivered, unseen }] of Object.entries(CRAFTED)) {
      const fate = reason === undefined ? 'delivered' : `counted once${orDelivered ? ' or delivered' : ''}`;
      it(`with ${name}: it is ${fate}, nobody is disconnected, and the next good entry is delivered`, async () => {
        const { cluster } = own();
        const clients = await cluster.connectEach();
        await cluster.barrier(clients);
        const { uid } = await stateOf(cluster.node(0));
        const drops = await droppedDuring(cluster.nodes, async () => {
          await addEntry(cluster, fields(uid, ++number));
          for (const node of cluster.nodes) await node.run((io, ctx) => io.emit('good', ctx.options.name));
          for (const client of clients) {
            const good = await client.next('good', cluster.nodes.length);
            expect(good.flat().sort()).toEqual(cluster.nodes.map(({ name }) => name).sort());
            expect(client.disconnectReason).toBeUndefined();
          }
        });

        // not at the first, in whose name the entry may be: what a node has published it may have brought to its clients already
        const delivered = clients.at(-1)!.received('odd').length;
        const isDropped = reason !== undefined && !(orDelivered && delivered === 1);
        for (const counts of drops) {
          expect(Object.entries(counts)).toEqual(isDropped ? [[expect.stringMatching(reason), 1]] : []);
        }
        expect(delivered).toBe(isDropped || unseen ? 0 : 1);
        for (const node of cluster.nodes) expect(await node.run(() => 'polluted' in {})).toBe(false);
      });
    }
  });
}
