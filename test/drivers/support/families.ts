import { vi } from 'vitest';
import type { RedisClient } from '../../../src/adapter/redis/create-driver.js';
import type { RedisServer } from '../../../src/testing/index.js';

/** A client as an application gives it, with options that suit the application and not the adapter. */
export interface Given {
  client: RedisClient;
  /** Whether it is as it was given: open or not, and nobody else listens to it. */
  untouched(): boolean;
  close(): Promise<void>;
}

/** What a client is made with. */
export interface Wish {
  /** Name of the connections in CLIENT LIST. */
  name: string;
  username?: string;
  password?: string;
  /** Certificate of a server with TLS. */
  ca?: string;
}

export interface Family {
  name: string;
  create(wish: Wish): Promise<Given>;
  /** Has the adapter use the same release of the library as the client that is given. */
  before?(): void;
  after?(): void;
}

type Address = { host: string; port: number };

interface NodeRedisModule {
  createClient(options: object): NodeRedisLike;
  createClientPool(options: object, pool: object): NodeRedisLike;
  createCluster(options: object): NodeRedisLike;
  createSentinel(options: object): NodeRedisLike;
}

interface NodeRedisLike {
  isOpen: boolean;
  on(event: string, listener: (error: unknown) => void): unknown;
  connect(): Promise<unknown>;
  destroy(): unknown;
  sendCommand(...args: never[]): Promise<unknown>;
}

interface IoRedisModule {
  Redis: new (options: object) => IoRedisLike;
  Cluster: new (nodes: object[], options: object) => IoRedisLike;
}

interface IoRedisLike {
  status: string;
  isCluster: boolean;
  on(event: string, listener: (error: unknown) => void): unknown;
  disconnect(): void;
}

type LibraryName = 'redis' | 'redis5' | 'ioredis' | 'ioredis6';

/** The release that a name stands for. */
const RELEASE: Record<LibraryName, string> = {
  redis: 'redis 6',
  redis5: 'redis 5',
  ioredis: 'ioredis 5',
  ioredis6: 'ioredis 6',
};

/** In the way of a blocked read, of a queue, or of replies of one shape. */
function nodeRedisOptions({ name, username, password }: Wish): object {
  return {
    name,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    RESP: 3,
    readonly: false,
    commandsQueueMaxLength: 1_000,
    commandOptions: { timeout: 50 },
  };
}

function ioRedisOptions({ name, username, password, ca }: Wish): object {
  return {
    connectionName: name,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(ca !== undefined && { tls: { ca } }),
    lazyConnect: true,
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    stringNumbers: true,
    commandTimeout: 50,
    maxRetriesPerRequest: 0,
    retryStrategy: null,
  };
}

async function nodeRedis(library: LibraryName): Promise<NodeRedisModule> {
  return (await import(library)) as unknown as NodeRedisModule;
}

async function ioRedis(library: LibraryName): Promise<IoRedisModule> {
  return (await import(library)) as unknown as IoRedisModule;
}

async function givenNodeRedis(client: NodeRedisLike, connected: boolean): Promise<Given> {
  client.on('error', () => undefined);
  if (connected) await client.connect();
  return {
    client,
    untouched: () => client.isOpen === connected,
    close: async () => {
      if (client.isOpen) await client.destroy();
    },
  };
}

function givenIoRedis(client: IoRedisLike): Given {
  client.on('error', () => undefined);
  return {
    client,
    untouched: () => client.status === 'wait',
    close: async () => client.disconnect(),
  };
}

/** While the adapter imports a library by its name, it gets the release that the test is about. */
function aliased(name: 'redis' | 'ioredis', library: LibraryName): Pick<Family, 'before' | 'after'> {
  if (library === name) return {};
  return { before: () => void vi.doMock(name, () => import(library)), after: () => vi.doUnmock(name) };
}

export function clientFamilies(server: () => Address): Family[] {
  return [
    ...(['redis', 'redis5'] as const).flatMap((library): Family[] => [
      {
        name: `${RELEASE[library]}, createClient()`,
        create: async (wish) => {
          const tls = wish.ca === undefined ? {} : { tls: true, ca: wish.ca };
          const socket = { ...server(), ...tls, socketTimeout: 300, connectTimeout: 3_000 };
          return givenNodeRedis((await nodeRedis(library)).createClient({ ...nodeRedisOptions(wish), socket }), false);
        },
      },
      {
        name: `${RELEASE[library]}, createClientPool()`,
        create: async (wish) => {
          const tls = wish.ca === undefined ? {} : { tls: true, ca: wish.ca };
          const options = { ...nodeRedisOptions(wish), socket: { ...server(), ...tls } };
          return givenNodeRedis((await nodeRedis(library)).createClientPool(options, { minimum: 1, maximum: 2 }), true);
        },
      },
    ]),
    ...(['ioredis', 'ioredis6'] as const).map((library): Family => ({
      name: `${RELEASE[library]}, Redis`,
      create: async (wish) => {
        const { Redis } = await ioRedis(library);
        return givenIoRedis(new Redis({ ...ioRedisOptions(wish), ...server() }));
      },
    })),
  ];
}

export function clusterFamilies(nodes: () => readonly RedisServer[]): Family[] {
  const addresses = (): Address[] => nodes().map(({ host, port }) => ({ host, port }));
  return [
    ...(['redis', 'redis5'] as const).map((library): Family => ({
      name: `${RELEASE[library]}, createCluster()`,
      ...aliased('redis', library),
      create: async (wish) => {
        const { createCluster } = await nodeRedis(library);
        const rootNodes = addresses().map((socket) => ({ socket }));
        return givenNodeRedis(createCluster({ rootNodes, RESP: 3, defaults: nodeRedisOptions(wish) }), false);
      },
    })),
    ...(['ioredis', 'ioredis6'] as const).map((library): Family => ({
      name: `${RELEASE[library]}, Cluster`,
      ...aliased('ioredis', library),
      create: async (wish) => {
        const { Cluster } = await ioRedis(library);
        const options = { lazyConnect: true, enableOfflineQueue: false, scaleReads: 'slave' };
        return givenIoRedis(new Cluster(addresses(), { ...options, redisOptions: ioRedisOptions(wish) }));
      },
    })),
  ];
}

export function sentinelFamilies(name: string, sentinels: () => readonly RedisServer[]): Family[] {
  const addresses = (): Address[] => sentinels().map(({ host, port }) => ({ host, port }));
  return [
    ...(['redis', 'redis5'] as const).map((library): Family => ({
      name: `${RELEASE[library]}, createSentinel()`,
      create: async (wish) => {
        const { createSentinel } = await nodeRedis(library);
        const options = { name, sentinelRootNodes: addresses(), nodeClientOptions: nodeRedisOptions(wish) };
        return givenNodeRedis(createSentinel(options), true);
      },
    })),
    ...(['ioredis', 'ioredis6'] as const).map((library): Family => ({
      name: `${RELEASE[library]}, Redis with Sentinel`,
      create: async (wish) => {
        const { Redis } = await ioRedis(library);
        return givenIoRedis(new Redis({ ...ioRedisOptions(wish), name, sentinels: addresses() }));
      },
    })),
  ];
}
