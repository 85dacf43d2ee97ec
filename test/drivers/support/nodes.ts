import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { onTestFinished } from 'vitest';
import { createAdapter, type AdapterFactory } from '../../../src/adapter/create-adapter.js';
import type { RedisStreamsAdapterOptions } from '../../../src/adapter/options.js';
import type { RedisClient } from '../../../src/adapter/redis/create-driver.js';
import { TestClient } from '../../harness/test-client.js';

/** A Socket.IO server of this process, as a node of a cluster. */
export interface Node {
  readonly io: Server;
  readonly url: string;
  readonly factory: AdapterFactory;
  /** What the node told of itself, in order. */
  readonly events: ReadonlyArray<{ name: string; [field: string]: unknown }>;
  /** A client connected to it. */
  connect(namespace?: string): Promise<TestClient>;
  close(): Promise<void>;
}

export interface NodesOptions {
  /** Makes the client of each node. */
  client: () => Promise<RedisClient> | RedisClient;
  count?: number;
  adapterOptions?: RedisStreamsAdapterOptions;
  recovery?: boolean;
}

const EVENTS = ['gap', 'streamReset', 'outboxOverflow', 'messageDropped', 'connectionLost', 'connectionReady'] as const;

/** Names that no other cluster on the Redis uses. */
export function ownNames(
  prefix = `test-${randomUUID().slice(0, 8)}`,
): Required<Pick<RedisStreamsAdapterOptions, 'streamName' | 'channelPrefix' | 'sessionKeyPrefix'>> {
  return { streamName: `${prefix}:stream`, channelPrefix: prefix, sessionKeyPrefix: `${prefix}:session:` };
}

/** Starts nodes that make a cluster; they end with the test. Resolves once all of them are ready. */
export async function startNodes({
  client,
  count = 2,
  adapterOptions = ownNames(),
  recovery = false,
}: NodesOptions): Promise<Node[]> {
  const nodes: Node[] = [];
  onTestFinished(async () => {
    await Promise.all(nodes.map((node) => node.close()));
  });
  for (let i = 0; i < count; i++) nodes.push(await startNode(await client(), adapterOptions, recovery));
  await Promise.all(nodes.map(({ io, factory }) => factory.ready(io)));
  return nodes;
}

async function startNode(
  client: RedisClient,
  adapterOptions: RedisStreamsAdapterOptions,
  recovery: boolean,
): Promise<Node> {
  const httpServer = createServer();
  const factory = createAdapter(client, adapterOptions);
  const events: Array<{ name: string }> = [];
  for (const name of EVENTS) factory.events.on(name, (event) => void events.push({ name, ...event }));
  const io = new Server(httpServer, { adapter: factory, ...(recovery && { connectionStateRecovery: {} }) });
  await new Promise<void>((resolve) => httpServer.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(httpServer.address() as AddressInfo).port}`;
  const clients: TestClient[] = [];
  let closed: Promise<void> | undefined;
  return {
    io,
    url,
    factory,
    events,
    connect: (namespace = '/') => {
      const testClient = new TestClient(url, { namespace });
      clients.push(testClient);
      return testClient.connect();
    },
    close: () =>
      (closed ??= (async () => {
        for (const one of clients) one.close();
        await io.close();
      })()),
  };
}
