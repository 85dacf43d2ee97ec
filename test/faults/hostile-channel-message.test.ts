import { encode } from '@msgpack/msgpack';
import { beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../harness/index.js';
import { droppedDuring, holdMinutes } from './support/dropped.js';
import { stateOf } from './support/node-state.js';
import { useOwnRedis } from './support/own-redis.js';

const HEARTBEAT = 2;
const MALFORMED = 'malformed message on a channel';

/** With what a node says of it. */
const POISON: Record<string, { message: Buffer; reason: string }> = {
  nothing: { message: Buffer.alloc(0), reason: MALFORMED },
  'bytes that are no MessagePack': { message: Buffer.from([0xc1, 0xc1]), reason: MALFORMED },
  text: { message: Buffer.from('hello'), reason: MALFORMED },
  'a message that breaks off': {
    message: Buffer.from(encode({ uid: 'somebody', type: HEARTBEAT })).subarray(0, -1),
    reason: MALFORMED,
  },
  'a message without a sender': { message: Buffer.from(encode({ type: HEARTBEAT })), reason: MALFORMED },
  'a sender that is no text': {
    message: Buffer.from(encode({ uid: { toString: 1 }, type: HEARTBEAT })),
    reason: MALFORMED,
  },
  'an unknown type': {
    message: Buffer.from(encode({ uid: 'somebody', type: 99 })),
    reason: 'unknown message type 99 on a channel',
  },
  'a type that is none': { message: Buffer.from(encode({ uid: 'somebody', type: null })), reason: MALFORMED },
};

describe('a message on a channel that nobody can use', () => {
  const own = useOwnRedis();
  let number = 0;
  beforeAll(() => holdMinutes(own().cluster.nodes));

  for (const [name, { message, reason }] of Object.entries(POISON)) {
    for (const channel of ['of all nodes', 'of one node']) {
      it(`${name}, on the channel ${channel}: it is skipped and counted, and the next one is heard`, async () => {
        const { cluster } = own();
        const { uid: one } = await stateOf(cluster.node(0));
        const listening = channel === 'of all nodes' ? cluster.nodes : [cluster.node(0)];
        const to = `${cluster.prefix}#@${channel === 'of all nodes' ? 'cluster' : one}#`;
        const uid = `somebody-${++number}`;
        const drops = await droppedDuring(cluster.nodes, async () => {
          // in one go, so that the nodes receive them together
          await cluster.redis
            .multi()
            .publish(to, message as unknown as string)
            .publish(to, Buffer.from(encode({ uid, type: HEARTBEAT })) as unknown as string)
            .exec();
          for (const node of listening) {
            await waitFor(async () => (await stateOf(node)).members.some((member) => member.uid === uid), {
              what: 'the heartbeat behind it to be heard',
            });
          }
        });

        expect(drops).toEqual(cluster.nodes.map((node) => (listening.includes(node) ? { [reason]: 1 } : {})));
        for (const node of listening) {
          expect((await stateOf(node)).connections.every(({ state }) => state === 'ready')).toBe(true);
          expect(await node.recorded('connectionLost')).toEqual([]);
        }
      });
    }
  }
});
