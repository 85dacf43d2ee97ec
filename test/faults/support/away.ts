import type { ClientOptions, Cluster, ServerNode, TestClient } from '../../harness/index.js';

/** What a client needs to come back with its session. */
export interface Claim {
  pid: string;
  offset: string;
}

export interface AwayOptions {
  namespace?: string;
  rooms?: string[];
}

/** A client that is in the rooms and has received one packet, `before`: without an offset none can come back. */
export async function present(
  cluster: Cluster,
  on: ServerNode | number,
  { namespace = '/', rooms = [] }: AwayOptions = {},
): Promise<TestClient> {
  const client = await cluster.connect(on, { namespace });
  await cluster.nodeOf(client).run(
    async (io, _ctx, nsp, id, names) => {
      await io.of(nsp).sockets.get(id)!.join(names);
      io.of(nsp).to(id).emit('before');
    },
    namespace,
    client.id,
    rooms,
  );
  await client.next('before');
  return client;
}

/** As {@link present}, but the connection is lost since, and the session is in Redis. */
export async function away(cluster: Cluster, on: ServerNode | number, options?: AwayOptions): Promise<TestClient> {
  const client = await present(cluster, on, options);
  await client.drop();
  await cluster.sessionSaved(client);
  return client;
}

/** What the client would present now. */
export function claimOf({ pid, offset }: TestClient): Claim {
  return { pid: pid!, offset: offset! };
}

/** Another client that takes itself for the one of the claim. */
export function heir(cluster: Cluster, claim: Claim, options?: ClientOptions): TestClient {
  const client = cluster.client(0, options);
  // `recovered` compares the session that the server tells with this one
  Object.assign(client.socket, { _pid: claim.pid, _lastOffset: claim.offset });
  return client;
}

/** Makes the node send the numbers from `from` to `to` (not included) to a room. */
export async function send(node: ServerNode, room: string, from: number, to: number): Promise<void> {
  await node.run(
    (io, _ctx, name, first, end) => {
      for (let n = first; n < end; n += 1) io.to(name).emit('packet', n);
    },
    room,
    from,
    to,
  );
}

/** The arguments that `send(…, from, to)` brings to a client. */
export function numbers(from: number, to: number): number[][] {
  return Array.from({ length: to - from }, (_, i) => [from + i]);
}
