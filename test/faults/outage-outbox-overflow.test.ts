import { describe, expect, it } from 'vitest';
import { waitFor, type ServerNode } from '../harness/index.js';
import { drained, stateOf } from './support/node-state.js';
import { useOwnRedis } from './support/own-redis.js';

const ROOM_FOR = 200;
const PUBLISHED = 5_000;

describe('more is published than may wait for Redis', () => {
  const own = useOwnRedis({ adapterOptions: { outboxMaxLen: ROOM_FOR, outboxMaxBytes: 200_000 } });

  it('the first messages wait, the others are dropped, which is told once an outage; later ones are delivered', async () => {
    const { redis, cluster } = own();
    const [near, far] = await cluster.connectEach();
    for (const outage of [1, 2]) {
      await redis.pause();
      await publish(cluster.node(0), `outage ${outage}`, 'x');
      expect((await stateOf(cluster.node(0))).outboxSize).toBe(ROOM_FOR);
      expect(await near!.next(`outage ${outage}`, PUBLISHED)).toHaveLength(PUBLISHED);
      await redis.resume();
      await drained(cluster.node(0));
      await cluster.barrier();

      expect(far!.received(`outage ${outage}`).map(([n]) => n)).toEqual([...Array(ROOM_FOR).keys()]);
      expect(await cluster.node(0).recorded('outboxOverflow', outage)).toHaveLength(outage);
      expect((await cluster.node(0).recorded('outboxOverflow')).at(-1)).toMatchObject([{ limit: 'outboxMaxLen' }]);
    }
  });

  it('who asks the other nodes is told at once that they were not asked', async () => {
    const { redis, cluster } = own();
    await redis.pause();
    await publish(cluster.node(0), 'full', 'x');
    const errors = await cluster.node(0).run((io) => {
      const reason = (error: Error): string => `${error.name}: ${error.message}`;
      const questions = [io.fetchSockets(), io.serverSideEmitWithAck('question')];
      return Promise.all(questions.map((question) => question.then(() => 'answered', reason)));
    });
    await redis.resume();
    await drained(cluster.node(0));
    await cluster.barrier();
    expect(errors).toEqual(errors.map(() => expect.stringMatching(/^OutboxFullError: Cannot publish to stream /)));
    expect((await stateOf(cluster.node(0))).openRequests).toBe(0);
  });

  it('large messages are counted by their bytes', async () => {
    const { redis, cluster } = own();
    const [, far] = await cluster.connectEach();
    const before = (await cluster.node(0).recorded('outboxOverflow')).length;
    await redis.kill();
    await waitFor(async () => (await stateOf(cluster.node(0))).connections.every(({ state }) => state !== 'ready'));
    await publish(cluster.node(0), 'large', 'x'.repeat(10_000));
    const { outboxSize } = await stateOf(cluster.node(0));
    expect(outboxSize).toBeGreaterThan(10);
    expect(outboxSize).toBeLessThanOrEqual(20);
    await redis.restart();
    await drained(cluster.node(0));
    await cluster.barrier();

    expect(far!.received('large').map(([n]) => n)).toEqual([...Array(outboxSize).keys()]);
    expect((await cluster.node(0).recorded('outboxOverflow', before + 1)).slice(before)).toMatchObject([
      [{ limit: 'outboxMaxBytes' }],
    ]);
  });
});

function publish(node: ServerNode, event: string, filler: string): Promise<void> {
  return node.run(
    (io, _ctx, name, count, text) => {
      for (let n = 0; n < count; n++) io.emit(name, n, text);
    },
    event,
    PUBLISHED,
    filler,
  );
}
