import type { RedisServer } from '../../../src/testing/index.js';
import type { ServerNode } from '../../harness/server-node.js';
import type { Traffic } from './traffic.js';
import { piledUp } from './node-state.js';

/** Something that happens to Redis. */
export interface Outage {
  name: string;
  /** Resolves once it has begun. */
  begin(redis: RedisServer): Promise<void>;
  /** Lets it go on until there is traffic that it has hurt; resolves once it is over. */
  end(redis: RedisServer, nodes: readonly ServerNode[], traffic: Traffic): Promise<void>;
}

/** How many messages each node has to have waiting before Redis comes back. */
const PILE = 300;

export const OUTAGES: readonly Outage[] = [
  {
    name: 'all its connections are cut, five times',
    begin: (redis) => cutConnections(redis),
    end: async (redis, _nodes, traffic) => {
      await traffic.flows(50);
      for (let cut = 1; cut < 5; cut++) {
        await cutConnections(redis);
        await traffic.flows(50);
      }
    },
  },
  {
    name: 'it is killed, and restarted from its append-only file',
    begin: (redis) => redis.kill(),
    end: async (redis, nodes) => {
      await piledUp(nodes, PILE);
      await redis.restart();
    },
  },
  {
    name: 'it is stopped in its tracks',
    begin: (redis) => redis.pause(),
    end: async (redis, nodes) => {
      await piledUp(nodes, PILE);
      await redis.resume();
    },
  },
  {
    name: 'it pauses its clients',
    // the commands of everybody are held back, so that nobody can end it early
    begin: async (redis) => void (await redis.command('CLIENT', 'PAUSE', '3000', 'ALL')),
    end: (_redis, nodes) => piledUp(nodes, PILE),
  },
];

/** Cuts every connection but that of the command itself. */
export async function cutConnections(redis: RedisServer): Promise<void> {
  await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
}
