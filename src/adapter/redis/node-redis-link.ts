import { clientLink } from './client-link.js';
import { destroyClient, watchClient } from './destroy-client.js';
import type { ChannelListener, RedisArgument } from './driver.js';
import type { Link, OpenLink } from './link.js';

/** What is used of a client of the `redis` package, versions 5 and 6. */
export interface NodeRedisClient {
  readonly isReady: boolean;
  readonly options?: NodeRedisOptions | undefined;
  duplicate(overrides: object): NodeRedisClient;
  connect(): Promise<unknown>;
  destroy(): void;
  sendCommand(args: readonly RedisArgument[], options?: { typeMapping: object }): Promise<unknown>;
  subscribe(channel: string, listener: ChannelListener, bufferMode: true): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  sSubscribe(channel: string, listener: ChannelListener, bufferMode: true): Promise<void>;
  sUnsubscribe(channel: string): Promise<void>;
  on(event: string, listener: (argument: unknown) => void): unknown;
}

export interface NodeRedisOptions {
  socket?: { host?: string; port?: number; path?: string };
  database?: number;
  keyPrefix?: unknown;
}

/** Settings that the package's own connections need, whatever the client given has. */
export function ownSettings(options: NodeRedisOptions | undefined): object {
  return {
    // one shape of replies, from Redis 6.2 on; what needs RESP3 is switched off with it
    RESP: 2,
    clientSideCache: undefined,
    emitInvalidate: undefined,
    maintNotifications: 'disabled',
    // the outbox is the only queue
    disableOfflineQueue: true,
    commandsQueueMaxLength: undefined,
    // a timer for each command is dear, and a command that was sent is not unsent by a time-out
    commandOptions: { timeout: 0 },
    // it is the master that is read
    readonly: false,
    socket: {
      ...options?.socket,
      // a blocked XREAD is silent for longer than any socket time-out that was meant for short commands
      socketTimeout: undefined,
      // never used, as the client is destroyed at its first error; one that gave up by itself would not let go of everything
      reconnectStrategy: () => 1,
    },
  };
}

/** Bulk strings, by their type in the protocol, as Buffers. See https://redis.io/docs/latest/develop/reference/protocol-spec/ */
const BUFFERS = { typeMapping: { ['$'.charCodeAt(0)]: Buffer } };

/** Makes links of the clients that `create` makes with {@link ownSettings}. */
export function nodeRedisLink(create: () => NodeRedisClient, sharded: boolean): OpenLink {
  return clientLink<NodeRedisClient>({
    create,
    connect: (client, ready, fail) => {
      watchClient(client);
      client.on('error', fail);
      // the slot of a channel was moved to another node of the cluster, and the subscription ended
      client.on('sharded-channel-moved', () => fail(new Error('A channel was moved to another node of the cluster.')));
      client.on('ready', ready);
      // what goes wrong is an event, too
      client.connect().catch(() => undefined);
    },
    destroy: destroyClient,
    link: (client, end) => new NodeRedisLink(client, sharded, end),
  });
}

class NodeRedisLink implements Link {
  readonly address: string | undefined;

  constructor(
    private readonly client: NodeRedisClient,
    private readonly sharded: boolean,
    private readonly end: () => void,
  ) {
    const { host, port, path } = client.options?.socket ?? {};
    this.address = path ?? `${host ?? 'localhost'}:${port ?? 6379}`;
  }

  send(args: readonly RedisArgument[]): Promise<unknown> {
    return this.client.sendCommand(args);
  }

  sendForBuffers(args: readonly RedisArgument[]): Promise<unknown> {
    return this.client.sendCommand(args, BUFFERS);
  }

  subscribe(channel: string, listener: ChannelListener): Promise<void> {
    return this.sharded
      ? this.client.sSubscribe(channel, listener, true)
      : this.client.subscribe(channel, listener, true);
  }

  unsubscribe(channel: string): Promise<void> {
    return this.sharded ? this.client.sUnsubscribe(channel) : this.client.unsubscribe(channel);
  }

  destroy(): void {
    this.end();
  }
}
