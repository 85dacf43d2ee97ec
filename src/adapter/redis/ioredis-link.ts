import { toError } from '../errors.js';
import { clientLink } from './client-link.js';
import type { ChannelListener, RedisArgument } from './driver.js';
import type { Link, OpenLink } from './link.js';

/** What is used of a client of the `ioredis` package, versions 5 and 6. */
export interface IoRedisClient {
  readonly isCluster: boolean;
  readonly status: string;
  readonly options: IoRedisOptions;
  /** The socket, while there is one. */
  readonly stream?: { remoteAddress?: string; remotePort?: number; destroy(): void } | undefined;
  duplicate(overrides: object): IoRedisClient;
  connect(): Promise<void>;
  disconnect(): void;
  call(command: string, ...args: RedisArgument[]): Promise<unknown>;
  callBuffer(command: string, ...args: RedisArgument[]): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  ssubscribe(channel: string): Promise<unknown>;
  sunsubscribe(channel: string): Promise<unknown>;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

export interface IoRedisOptions {
  host?: string | undefined;
  port?: number | undefined;
  path?: string | undefined;
  sentinels?: ReadonlyArray<{ host?: string; port?: number }> | null | undefined;
  role?: string | undefined;
  db?: number | undefined;
  keyPrefix?: unknown;
}

/** Settings that the package's own connections need, whatever the client given has. */
export const OWN_SETTINGS = {
  lazyConnect: true,
  // one shape of replies; version 5 speaks nothing else
  protocol: 2,
  replyMapping: 'legacy',
  stringNumbers: false,
  // a connection that is lost is lost: another one is made, and the outbox is the only queue
  retryStrategy: null,
  sentinelRetryStrategy: null,
  enableOfflineQueue: false,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: null,
  reconnectOnError: null,
  // needs the right to INFO; whether the server is a master is asked otherwise
  enableReadyCheck: false,
  enableAutoPipelining: false,
  // it is the master that is read
  readOnly: false,
  monitor: false,
};

/** A blocked XREAD is silent for longer than any time-out that was meant for short commands, and a command that was sent is not unsent. */
export const NO_TIMEOUTS = { commandTimeout: undefined, socketTimeout: undefined, blockingTimeout: undefined };

/** Makes links of the clients that `create` makes with {@link OWN_SETTINGS}. */
export function ioRedisLink(create: () => IoRedisClient, sharded: boolean): OpenLink {
  return clientLink({
    create,
    connect: (client, ready, fail) => {
      const failed = (error: unknown): void => fail(withoutCommand(error));
      client.on('error', failed);
      client.on('end', () => fail(new Error('The connection to Redis was closed.')));
      // the slot of a channel was moved to another node of the cluster, and the subscription ended
      client.on('moved', () => fail(new Error('A channel was moved to another node of the cluster.')));
      client.on('ready', ready);
      client.connect().catch(failed);
    },
    destroy: (client) => {
      client.disconnect();
      // disconnect() waits for the other side
      client.stream?.destroy();
    },
    link: (client, end) => new IoRedisLink(client, sharded, end),
  });
}

class IoRedisLink implements Link {
  readonly address: string | undefined;
  readonly #listeners = new Map<string, ChannelListener>();

  constructor(
    private readonly client: IoRedisClient,
    private readonly sharded: boolean,
    private readonly end: () => void,
  ) {
    const { remoteAddress, remotePort } = client.stream ?? {};
    this.address = client.options.path ?? `${remoteAddress}:${remotePort}`;
    client.on(sharded ? 'smessageBuffer' : 'messageBuffer', (channel: Buffer, payload: Buffer) =>
      this.#listeners.get(channel.toString())?.(payload),
    );
  }

  send([command, ...args]: readonly RedisArgument[]): Promise<unknown> {
    return whole(this.client.call(String(command).toLowerCase(), ...args));
  }

  sendForBuffers([command, ...args]: readonly RedisArgument[]): Promise<unknown> {
    return whole(this.client.callBuffer(String(command).toLowerCase(), ...args));
  }

  async subscribe(channel: string, listener: ChannelListener): Promise<void> {
    this.#listeners.set(channel, listener);
    await whole(this.sharded ? this.client.ssubscribe(channel) : this.client.subscribe(channel));
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#listeners.delete(channel);
    await whole(this.sharded ? this.client.sunsubscribe(channel) : this.client.unsubscribe(channel));
  }

  destroy(): void {
    this.end();
  }
}

function whole(reply: Promise<unknown>): Promise<unknown> {
  return reply.catch((error: unknown) => {
    throw withoutCommand(error);
  });
}

/** Errors of ioredis carry the command that failed, and so the password of an AUTH and the payload of an XADD. */
function withoutCommand(error: unknown): Error {
  const bare = toError(error);
  Reflect.deleteProperty(bare, 'command');
  return bare;
}
