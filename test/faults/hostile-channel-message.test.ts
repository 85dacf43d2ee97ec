import { encode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../harness/index.js';
import { stateOf } from './support/node-state.js';
import { useOwnRedis } from './support/own-redis.js';

const HEARTBEAT = 2;

const POISON: Record<string, Buffer> = {
  nothing: Buffer.alloc(0),
  'bytes that are no MessagePack': Buffer.from([0xc1, 0xc1]),
  text: Buffer.from('hello'),
  'a message that breaks off': Buffer.from(encode({ uid: 'somebody', type: HEARTBEAT })).subarray(0, -1),
  'a message without a sender': Buffer.from(encode({ type: HEARTBEAT })),
  'a sender that is no text': Buffer.from(encode({ uid: { toString: 1 }, type: HEARTBEAT })),
  'an unknown type': Buffer.from(encode({ uid: 'somebody', type: 99 })),
  'a type that is none': Buffer.from(encode({ uid: 'somebody', type: null })),
};

describe('a message on a channel that nobody can use', () => {
  const own = useOwnRedis();
  let number = 0;

  for (const [name, message] of Object.entries(POISON)) {
    for (const channel of ['of all nodes', 'of one node']) {
      it(`${name}, on the channel ${channel}: it is skipped, and the next one is heard`, async () => {
        const { cluster } = own();
        const node = cluster.node(0);
        const to = `${cluster.prefix}#@${channel === 'of all nodes' ? 'cluster' : (await stateOf(node)).uid}#`;
        const uid = `somebody-${++number}`;
        // in one go, so that the node receives them together
        await cluster.redis
          .multi()
          .publish(to, message as unknown as string)
          .publish(to, Buffer.from(encode({ uid, type: HEARTBEAT })) as unknown as string)
          .exec();
        await waitFor(async () => (await stateOf(node)).members.some((member) => member.uid === uid), {
          what: 'the heartbeat behind it to be heard',
        });
        await node.recorded('messageDropped', 1);

        expect((await stateOf(node)).connections.every(({ state }) => state === 'ready')).toBe(true);
        expect(await node.recorded('connectionLost')).toEqual([]);
      });
    }
  }
});
