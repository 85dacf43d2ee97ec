import { describe, expect, it } from 'vitest';
import type { ServerNode } from '../harness/index.js';
import type { RedisServer } from '../../src/testing/index.js';
import { heapOf } from './support/heap.js';
import { drained, stateOf } from './support/node-state.js';
import { useOwnRedis } from './support/own-redis.js';

/** Bytes that may wait for Redis, and how many times that much is published while it is away. */
const OUTBOX = 2_000_000;
const TIMES = 16;
const MESSAGES = 8_000;
const SIZE = (TIMES * OUTBOX) / MESSAGES;

/** CPU time that may pass before the event loop comes to its timers, in milliseconds: a tenth of it does as a rule. */
const LONGEST_WORK = 300;

interface Outage {
  begin(redis: RedisServer): Promise<void>;
  end(redis: RedisServer): Promise<void>;
}

const OUTAGES: Record<string, Outage> = {
  'has been killed': { begin: (redis) => redis.kill(), end: (redis) => redis.restart() },
  'stands still': { begin: (redis) => redis.pause(), end: (redis) => redis.resume() },
};

describe('far more is published than may wait', () => {
  const own = useOwnRedis({
    nodes: 1,
    adapterOptions: { outboxMaxBytes: OUTBOX },
    // without, what waits for slow clients would be measured, too
    serverOptions: { connectionStateRecovery: {} },
  });

  for (const [name, { begin, end }] of Object.entries(OUTAGES)) {
    it(`while Redis ${name}: the node stays responsive, and takes the memory that it may and no more`, async () => {
      const { redis, cluster } = own();
      const node = cluster.node(0);
      const client = await cluster.connect(node);
      const before = (await node.recorded('outboxOverflow')).length;
      const heap = await heapOf(node);
      await watchWork(node);
      await begin(redis);
      const delay = await publish(node);
      const growth = (await heapOf(node)) - heap;
      const { outboxSize } = await stateOf(node);
      await end(redis);
      await drained(node);
      await cluster.barrier();
      const longest = await longestWork(node);

      // twenty as a rule, a hundred on a machine with five times the work that it can do
      expect(delay).toBeLessThan(300);
      // also while what waited is written
      expect(longest).toBeLessThan(LONGEST_WORK);
      expect(growth).toBeLessThan(3 * OUTBOX);
      expect(outboxSize).toBeLessThanOrEqual(MESSAGES / TIMES);
      expect(client.received('message')).toHaveLength(outboxSize);
      expect(await node.recorded('outboxOverflow', before + 1)).toHaveLength(before + 1);
    });
  }
});

/** Publishes for a second or two. Resolves with how many milliseconds the event loop took to come to a timer meanwhile, in 99 of 100 cases at most. */
function publish(node: ServerNode): Promise<number> {
  return node.run(
    async (io, _ctx, count, size) => {
      const { monitorEventLoopDelay } = process.getBuiltinModule('node:perf_hooks');
      const filler = 'x'.repeat(size);
      const delay = monitorEventLoopDelay();
      delay.enable();
      for (let n = 0; n < count; n++) {
        io.emit('message', n, filler);
        if (n % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 2));
      }
      delay.disable();
      return delay.percentile(99) / 1e6;
    },
    MESSAGES,
    SIZE,
  );
}

/** Watches how much CPU time passes between two turns of the event loop: what else the machine does is not in it. */
async function watchWork(node: ServerNode): Promise<void> {
  await node.run((_io, ctx) => {
    const used = (): number => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000;
    };
    let last = used();
    let longest = 0;
    const timer = setInterval(() => {
      const now = used();
      longest = Math.max(longest, now - last);
      last = now;
    }, 1);
    ctx.state['endWatch'] = () => {
      clearInterval(timer);
      return longest;
    };
  });
}

/** The most CPU time between two turns since {@link watchWork}, in milliseconds. */
function longestWork(node: ServerNode): Promise<number> {
  return node.run((_io, ctx) => (ctx.state['endWatch'] as () => number)());
}
