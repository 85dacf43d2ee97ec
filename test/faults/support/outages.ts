import type { RedisServer } from '../../../src/testing/index.js';
import type { ServerNode } from '../../harness/server-node.js';
import type { Traffic } from './traffic.js';
import { piledUp } from './node-state.js';

/** Something that happens to Redis while there is traffic. */
export interface Outage {
  name: string;
  /** Resolves once it is over. */
  strike(redis: RedisServer, nodes: readonly ServerNode[], traffic: Traffic): Promise<void>;
}

/** How many messages each node has to have waiting before Redis comes back. */
const PILE = 300;

export const OUTAGES: readonly Outage[] = [
  {
    name: 'all its connections are cut, five times',
    strike: async (redis, _nodes, traffic) => {
      for (let cut = 0; cut < 5; cut++) {
        await cutConnections(redis);
        await traffic.flows(50);
      }
    },
  },
  {
    name: 'it is killed, and restarted from its append-only file',
    strike: async (redis, nodes) => {
      await redis.kill();
      await piledUp(nodes, PILE);
      await redis.restart();
    },
  },
  {
    name: 'it is stopped in its tracks',
    strike: async (redis, nodes) => {
      await redis.pause();
      await piledUp(nodes, PILE);
      await redis.resume();
    },
  },
  {
    name: 'it pauses its clients',
    strike: async (redis, nodes) => {
      // the commands of everybody are held back, so that nobody can end it early
      await redis.command('CLIENT', 'PAUSE', '1000', 'ALL');
      await piledUp(nodes, PILE);
    },
  },
];

/** Cuts every connection but that of the command itself. */
export async function cutConnections(redis: RedisServer): Promise<void> {
  await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
}
