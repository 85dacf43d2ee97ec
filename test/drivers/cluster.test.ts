import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { RedisClusterServer } from '../../src/testing/index.js';
import { conformance } from './conformance.js';
import { endToEnd, exists } from './end-to-end.js';
import { clusterFamilies, type Family, type Given } from './support/families.js';
import { ownNames, startNodes, type Node } from './support/nodes.js';
import { waitFor } from '../harness/index.js';

let redis: RedisClusterServer;

beforeAll(async () => {
  redis = await RedisClusterServer.start({ nodeTimeout: 5_000 });
});

afterAll(() => redis.stop());

describe('a Redis Cluster', () => {
  for (const family of clusterFamilies(() => redis.nodes)) {
    conformance({ family, servers: () => redis.nodes });
    endToEnd({ family, servers: () => redis.nodes });
    roomsOverMasters(family);
  }
});

/** The rooms of one namespace are in streams of several masters. */
function roomsOverMasters(family: Family): void {
  it(`spreads the rooms of a namespace over its masters, and a client gets what it missed in each (${family.name})`, async () => {
    const given: Given[] = [];
    onTestFinished(async () => {
      await Promise.all(given.map((one) => one.close()));
      family.after?.();
    });
    family.before?.();
    const names = ownNames();
    const [near, far] = (await startNodes({
      client: async () => {
        const one = await family.create({ name: `node-${randomUUID().slice(0, 8)}` });
        given.push(one);
        return one.client;
      },
      adapterOptions: { ...names, streamBy: 'room', streamCount: 6, recentMaxBytes: 1 },
      recovery: true,
    })) as [Node, Node];
    const rooms = Array.from({ length: 12 }, (_, n) => `room-${n}`);
    const client = await far.connect();
    await far.io.sockets.sockets.get(client.id)!.join(rooms);
    const emit = (n: number): void => {
      for (const room of rooms) near.io.to(room).emit('packet', room, n);
    };
    emit(0);
    await client.next('packet', 12);
    const pid = client.pid!;
    await client.drop();
    await waitFor(() => exists(redis.nodes, names.sessionKeyPrefix + pid), { what: 'the session to be in Redis' });
    for (const n of [1, 2, 3]) emit(n);
    await client.connect(near);
    await client.next('packet', 48);
    emit(4);
    const packets = await client.next('packet', 60);

    expect(client.recovered).toBe(true);
    for (const room of rooms) {
      expect(packets.filter(([name]) => name === room).map(([, n]) => n)).toEqual([0, 1, 2, 3, 4]);
    }
    const masters = await Promise.all(
      redis.nodes.map(async (node) => {
        const streams = Array.from({ length: 6 }, (_, i) => `${names.streamName}-${i}`);
        return (await Promise.all(streams.map((stream) => exists([node], stream)))).includes(true);
      }),
    );
    expect(masters.filter(Boolean).length).toBeGreaterThan(1);
    client.close();
  });
}
