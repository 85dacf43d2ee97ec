import { expect } from 'vitest';
import { waitFor, type Cluster, type TestClient } from '../harness/index.js';

/** A position in the stream: behind an entry, or, with a third number, within one that holds several messages. */
export const OFFSET = /^\d+-\d+(?:\.\d+)?$/;

/** The order of positions. */
export function byPosition(a: string, b: string): number {
  const parts = (position: string): number[] => {
    const [time, sequence, index = Number.POSITIVE_INFINITY] = position.split(/[-.]/).map(Number);
    return [time!, sequence!, index];
  };
  const [first, second] = [parts(a), parts(b)];
  const at = first.findIndex((part, index) => part !== second[index]);
  return at === -1 ? 0 : first[at]! - second[at]!;
}

interface AwayOptions {
  namespace?: string;
  rooms?: string[];
  data?: unknown;
}

/** A client of node 0 that received one packet, `before`, and so has an offset. */
export async function connectAndReceive(cluster: Cluster, index: number, namespace = '/'): Promise<TestClient> {
  const client = await cluster.connect(index, { namespace });
  await cluster.node(index).run((io, _ctx, nsp, id) => io.of(nsp).to(id).emit('before'), namespace, client.id);
  await client.next('before');
  return client;
}

/** A client of node 0 that has lost its connection and whose session is saved. */
export async function away(cluster: Cluster, options: AwayOptions = {}): Promise<TestClient & { idBefore: string }> {
  const { namespace = '/', rooms = [], data = {} } = options;
  const client = await connectAndReceive(cluster, 0, namespace);
  await cluster.node(0).run(
    (io, _ctx, nsp, id, names, value) => {
      const socket = io.of(nsp).sockets.get(id)!;
      socket.data = value;
      void socket.join(names);
    },
    namespace,
    client.id,
    rooms,
    data,
  );
  const idBefore = client.id;
  await client.drop();
  await cluster.sessionSaved(client);
  return Object.assign(client, { idBefore });
}

export async function stateOf(
  cluster: Cluster,
  client: TestClient,
): Promise<{ recovered: boolean; rooms: string[]; data: unknown }> {
  return cluster.nodeOf(client).run(
    (io, _ctx, nsp, id) => {
      const socket = io.of(nsp).sockets.get(id)!;
      return {
        recovered: socket.recovered,
        rooms: [...socket.rooms].filter((room) => room !== id).toSorted(),
        data: socket.data as unknown,
      };
    },
    client.namespace,
    client.id,
  );
}

/** The node made a session of its own for the client, and serves it. What the client says of it counts only if it had the session before. */
export async function expectFresh(cluster: Cluster, client: TestClient, otherId: string): Promise<void> {
  const { namespace, id } = client;
  expect(id).not.toBe(otherId);
  expect(await stateOf(cluster, client)).toMatchObject({ recovered: false, rooms: [] });
  await cluster.nodeOf(client).run((io, _ctx, nsp, room) => io.of(nsp).to(room).emit('alive'), namespace, id);
  await client.next('alive');
}

/** Waits until the stream holds the text that many times. */
export async function waitForTexts(cluster: Cluster, text: string, count: number): Promise<void> {
  const escaped = JSON.stringify(text).slice(1, -1);
  await waitFor(
    async () => {
      const entries = (await cluster.redis.xRange(cluster.streamName, '-', '+')) ?? [];
      return JSON.stringify(entries).split(escaped).length > count;
    },
    { what: `${text} to be ${count} times in the stream` },
  );
}
