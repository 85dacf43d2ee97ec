import { describe, expect, it } from 'vitest';
import type { RedisServer } from '../../src/testing/index.js';
import { startCluster, startRedis } from '../harness/index.js';
import { useOwnRedis } from './support/own-redis.js';

interface Stall {
  name: string;
  /** The connections outlive it, and with them the answers to what is asked meanwhile. */
  keepsConnections: boolean;
  begin(redis: RedisServer): Promise<unknown>;
  end(redis: RedisServer): Promise<unknown>;
}

const STALLS: Stall[] = [
  {
    name: 'is stopped in its tracks',
    keepsConnections: true,
    begin: (redis) => redis.pause(),
    end: (redis) => redis.resume(),
  },
  {
    name: 'holds back what is written',
    keepsConnections: true,
    begin: (redis) => redis.command('CLIENT', 'PAUSE', '60000', 'WRITE'),
    end: (redis) => redis.command('CLIENT', 'UNPAUSE'),
  },
  { name: 'is dead', keepsConnections: false, begin: (redis) => redis.kill(), end: (redis) => redis.restart() },
];

describe('a slow or absent Redis delays no local delivery, without connection state recovery', () => {
  const own = useOwnRedis();

  for (const { name, keepsConnections, begin, end } of STALLS) {
    it(`while Redis ${name}, the clients of a node are served by it; the others once Redis is back`, async () => {
      const { redis, cluster } = own();
      const [near, far] = await cluster.connectEach();
      near!.socket.on('question', (answer) => answer('near'));
      far!.socket.on('question', (answer) => answer('far'));
      await begin(redis);
      // the deadlines of next() and run() pass long before Redis is back, if what they wait for needs Redis
      const asked = cluster.node(0).run((io) => io.timeout(18_000).emitWithAck('question') as Promise<string[]>);
      asked.catch(() => undefined);
      try {
        await near!.next('question');
        const rooms = await cluster.node(0).run((io, _ctx, id) => {
          io.emit('message', 1);
          io.in(id).socketsJoin('room');
          io.to('room').emit('message', 2);
          io.in(id).socketsLeave('room');
          return [...io.sockets.sockets.get(id)!.rooms];
        }, near!.id);
        expect(await near!.next('message', 2)).toEqual([[1], [2]]);
        expect(rooms).toEqual([near!.id]);
        expect(far!.events).toEqual([]);
        await cluster.node(0).run((io, _ctx, id) => io.in(id).disconnectSockets(), near!.id);
        await near!.disconnected();
      } finally {
        await end(redis);
      }

      expect(await far!.next('message', 1, { deadline: 15_000 })).toEqual([[1]]);
      expect(far!.events.map(({ event }) => event)).toEqual(['question', 'message']);
      if (keepsConnections) expect((await asked).sort()).toEqual(['far', 'near']);
    });
  }
});

describe('a broadcast that is to be acknowledged before Redis can take it', () => {
  for (const recovery of [false, true]) {
    it(`reaches every client when Redis can, though nobody waits for it any more (recovery ${recovery ? 'on' : 'off'})`, async () => {
      const redis = await startRedis();
      const cluster = await startCluster({
        redisUrl: redis.url,
        serverOptions: recovery ? { connectionStateRecovery: {} } : {},
      });
      const clients = await cluster.connectEach();
      await cluster.barrier();
      await redis.pause();
      try {
        const asked = cluster.node(0).run((io) => io.timeout(100).emitWithAck('question', 'late'));
        await expect(asked).rejects.toThrow('operation has timed out');
      } finally {
        await redis.resume();
      }
      await cluster.node(0).run((io) => void io.emit('end'));
      for (const client of clients) {
        await client.next('end');
        expect(client.received('question')).toHaveLength(1);
      }
    });
  }
});
