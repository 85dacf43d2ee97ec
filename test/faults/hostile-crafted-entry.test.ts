import { encode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';
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

const CRAFTED: Record<string, (uid: string, n: number) => Record<string, string>> = {
  'arguments with a space behind them': (_uid, n) => ({ ...broadcast(laidOut('["odd"] ')), hdr: `${n} ${LENGTH}` }),
  'arguments with a space before them': (_uid, n) => ({ ...broadcast(laidOut(' ["odd"]')), hdr: `${n} ${LENGTH}` }),
  'arguments that end early': (_uid, n) => ({ ...broadcast(laidOut('["odd"],"x":[1]')), hdr: `${n} ${LENGTH}` }),
  'arguments that are none': (_uid, n) => ({ ...broadcast(laidOut('{"length":1}')), hdr: `${n} ${LENGTH}` }),
  'a length of the options that is too small': (_uid, n) => ({ ...broadcast(laidOut('["odd"]')), hdr: `${n} 5` }),
  'a length of the options beyond the end': (_uid, n) => ({ ...broadcast(laidOut('["odd"]')), hdr: `${n} 99999999` }),
  'a place for an attachment that is not there': () =>
    broadcast(packed(['odd', new Uint8Array(8), { _placeholder: true, num: 7 }])),
  '__proto__ in its arguments': () => broadcast(laidOut('["odd",{"__proto__":{"polluted":true},"constructor":1}]')),
  '__proto__ in its options': () =>
    broadcast('{"opts":{"rooms":[],"__proto__":{"flags":{"volatile":true}}},"packet":{"type":2,"data":["odd"]}}'),
  '10,000 arrays in each other': () => broadcast(laidOut(`["odd",${'['.repeat(10_000)}${']'.repeat(10_000)}]`)),
  '10,000 arrays in each other, packed': () =>
    broadcast(Buffer.concat([Buffer.alloc(10_000, 0x91), Buffer.from([0xc0])]).toString('base64')),
  '8 MB of text': () => broadcast(laidOut(`["odd","${'x'.repeat(8_000_000)}"]`)),
  '100,000 rooms': () =>
    broadcast(JSON.stringify({ opts: { rooms: [...Array(100_000).keys()] }, packet: { type: 2, data: ['odd'] } })),
  'a time-out of centuries': (_uid, n) => ({
    ...broadcast(
      '{"opts":{"rooms":[],"flags":{"timeout":1e300}},"packet":{"type":2,"data":["odd"]},"requestId":"made-up"}',
    ),
    hdr: `${n} 0 made_up`,
  }),
  ...Object.fromEntries(
    [-1, 1.5, 1e300].map((id) => [
      `the number ${id} for its acknowledgement`,
      (uid: string, n: number) => ({
        ...broadcast(`{"opts":{"rooms":[],"flags":{"ackId":${id}}},"packet":{"type":2,"data":["odd"]}}`),
        uid,
        hdr: `${3_000_000 + n} 0`,
      }),
    ]),
  ),
  'a number far ahead of those of a node': (uid, n) => ({
    ...broadcast(laidOut('["odd"]')),
    uid,
    hdr: `${1_000_000 + n} ${LENGTH}`,
  }),
  'a node that pretends to be another': (uid, n) => ({
    ...broadcast(laidOut('["odd"]')),
    pub: uid,
    hdr: `${2_000_000 + n} 0`,
  }),
};

for (const recovery of [false, true]) {
  describe(`a crafted entry (recovery ${recovery ? 'on' : 'off'})`, () => {
    const own = useOwnRedis({ serverOptions: recovery ? { connectionStateRecovery: {} } : {} });
    let number = 0;

    for (const [name, craft] of Object.entries(CRAFTED)) {
      it(`with ${name}: nobody is disconnected, and the next good entry is delivered`, async () => {
        const { cluster } = own();
        const clients = await cluster.connectEach();
        await cluster.barrier(clients);
        const { uid } = await stateOf(cluster.node(0));
        await addEntry(cluster, craft(uid, ++number));
        for (const node of cluster.nodes) await node.run((io, ctx) => io.emit('good', ctx.options.name));

        for (const client of clients) {
          const good = await client.next('good', cluster.nodes.length);
          expect(good.flat().sort()).toEqual(cluster.nodes.map(({ name }) => name).sort());
          expect(client.disconnectReason).toBeUndefined();
        }
        for (const node of cluster.nodes) expect(await node.run(() => 'polluted' in {})).toBe(false);
      });
    }
  });
}
