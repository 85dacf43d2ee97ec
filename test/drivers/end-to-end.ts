import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from 'redis';
import type { RedisServer } from '../../src/testing/index.js';
import type { Family, Given, Wish } from './support/families.js';
import { ownNames, startNodes } from './support/nodes.js';
import { everyOperation, recovery } from './support/operations.js';

export interface EndToEndOptions {
  family: Family;
  servers: () => readonly RedisServer[];
  wish?: () => Omit<Wish, 'name'>;
}

/** Two nodes, each with a client of the family, do together what nodes do. */
export function endToEnd({ family, servers, wish = () => ({}) }: EndToEndOptions): void {
  describe(`nodes with ${family.name}`, () => {
    const given: Given[] = [];

    beforeAll(() => family.before?.());
    afterAll(async () => {
      await Promise.all(given.map((one) => one.close()));
      family.after?.();
    });

    it.each([
      ['pubsub', ['reader', 'subscriber', 'writer']],
      ['sharded-pubsub', ['reader', 'subscriber', 'writer']],
      ['stream', ['reader', 'writer']],
    ] as const)('do everything together, and let clients recover from each other (%s)', async (ephemeral, roles) => {
      const names = ownNames();
      const [near, far] = (await startNodes({
        client: async () => {
          const one = await family.create({ name: `node-${randomUUID().slice(0, 8)}`, ...wish() });
          given.push(one);
          return one.client;
        },
        // everything is too old for the memory of a node
        adapterOptions: { ...names, ephemeral, recentMaxBytes: 1 },
        recovery: true,
      })) as [Awaited<ReturnType<typeof startNodes>>[0], Awaited<ReturnType<typeof startNodes>>[0]];
      await everyOperation(near, far);
      await recovery(near, far, (pid) => exists(servers(), names.sessionKeyPrefix + pid));
      await Promise.all([near.close(), far.close()]);
      for (const { events } of [near, far]) {
        expect(events.filter(({ name }) => name !== 'connectionReady')).toEqual([]);
        expect(events.map(({ role }) => role).sort()).toEqual(roles);
      }
      expect(given.every((one) => one.untouched())).toBe(true);
    });
  });
}

/** Whether one of the servers has the key; the others know of another that might. */
export async function exists(servers: readonly RedisServer[], key: string, database = 0): Promise<boolean> {
  const replies = await Promise.all(
    servers.map(async ({ url }) => {
      const client = createClient({ url, database, socket: { reconnectStrategy: false } });
      client.on('error', () => undefined);
      await client.connect();
      try {
        return (await client.exists(key)) > 0;
      } catch (error) {
        if ((error as Error).message.startsWith('MOVED')) return false;
        throw error;
      } finally {
        client.destroy();
      }
    }),
  );
  return replies.includes(true);
}
