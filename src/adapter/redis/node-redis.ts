import { EventEmitter } from 'node:events';
import { AdapterClosedError, toError } from '../errors.js';
import type { ConnectionRole, ConnectionState, TelemetryPort } from '../telemetry-port.js';
import {
  reconnectDelay,
  type ChannelListener,
  type RedisArgument,
  type RedisConnection,
  type RedisDriver,
} from './driver.js';

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

/** What a driver needs to know of the adapter's options. */
export interface DriverSettings {
  useShardedPubSub: boolean;
  telemetry: Pick<TelemetryPort, 'suppress' | 'background'>;
}

interface NodeRedisOptions {
  url?: string;
  socket?: { host?: string; port?: number; path?: string };
}

/** Driver for a client made by `createClient()` of the `redis` package. */
export function nodeRedisDriver(client: NodeRedisClient, settings: DriverSettings): RedisDriver {
  return {
    open: (role) => new NodeRedisConnection(client, role, settings),
    server: {
      address: client.options?.socket?.path ?? client.options?.socket?.host ?? 'localhost',
      port: client.options?.socket?.path === undefined ? (client.options?.socket?.port ?? 6379) : undefined,
    },
  };
}

/** Settings that the package's own connections need, whatever the client given has. */
function overrides(client: NodeRedisClient): object {
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
    socket: {
      ...client.options?.socket,
      // a blocked XREAD is silent for longer than any socket time-out that was meant for short commands
      socketTimeout: undefined,
      reconnectStrategy: reconnectDelay,
    },
  };
}

/** Bulk strings, by their type in the protocol, as Buffers. See https://redis.io/docs/latest/develop/reference/protocol-spec/ */
const BUFFERS = { typeMapping: { ['$'.charCodeAt(0)]: Buffer } };

class NodeRedisConnection implements RedisConnection {
  state: ConnectionState = 'connecting';
  lastError: Error | undefined;

  readonly #events = new EventEmitter();
  readonly #subscriptions = new Map<string, ChannelListener>();
  #client: NodeRedisClient;

  constructor(
    private readonly template: NodeRedisClient,
    readonly role: ConnectionRole,
    private readonly settings: DriverSettings,
  ) {
    this.#events.setMaxListeners(0);
    this.#client = settings.telemetry.background(() => this.#connect());
  }

  send(args: readonly RedisArgument[]): Promise<unknown> {
    return this.settings.telemetry.suppress(() => this.#client.sendCommand(args));
  }

  sendForBuffers(args: readonly RedisArgument[]): Promise<unknown> {
    return this.settings.telemetry.suppress(() => this.#client.sendCommand(args, BUFFERS));
  }

  async transaction(commands: ReadonlyArray<readonly RedisArgument[]>): Promise<unknown[]> {
    // Enqueued in one go, so nothing comes between them; when the connection breaks, each of them is rejected.
    const replies = [['MULTI'], ...commands, ['EXEC']].map((command) => this.send(command));
    const settled = await Promise.allSettled(replies);
    const refused = settled.find((reply) => reply.status === 'rejected');
    if (refused) throw toError((refused as PromiseRejectedResult).reason);
    const results = (settled.at(-1) as PromiseFulfilledResult<unknown>).value as unknown[];
    const failed = results.find((result) => result instanceof Error);
    if (failed) throw failed;
    return results;
  }

  async subscribe(channel: string, listener: ChannelListener): Promise<void> {
    // asked for once more, because it was not confirmed, it is still the same subscription
    const first = this.#subscriptions.get(channel) ?? listener;
    this.#subscriptions.set(channel, first);
    await this.whenReady();
    await this.#subscribe(this.#client, channel, first);
  }

  async unsubscribe(channel: string): Promise<void> {
    if (!this.#subscriptions.delete(channel)) return;
    // a client that comes back by itself subscribes to what it was subscribed to, a new one only to what is left
    if (this.state !== 'ready') return this.interrupt();
    await (this.settings.useShardedPubSub ? this.#client.sUnsubscribe(channel) : this.#client.unsubscribe(channel));
  }

  whenReady(signal?: AbortSignal): Promise<void> {
    if (this.state === 'ready') return Promise.resolve();
    if (this.state === 'closed') return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      const settle = (done: () => void): void => {
        this.#events.off('ready', onReady).off('closed', onClosed);
        signal?.removeEventListener('abort', onAbort);
        done();
      };
      const onReady = (): void => settle(resolve);
      const onClosed = (): void => settle(() => reject(closedError()));
      const onAbort = (): void => settle(() => reject(toError(signal?.reason)));
      if (signal?.aborted) return reject(toError(signal.reason));
      this.#events.on('ready', onReady).on('closed', onClosed);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  interrupt(): void {
    if (this.state === 'closed') return;
    const old = this.#client;
    this.#client = this.#connect();
    this.#lost(undefined);
    destroy(old);
  }

  close(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    destroy(this.#client);
    this.#events.emit('closed');
    this.#events.removeAllListeners();
  }

  on(event: 'ready' | 'lost', listener: (error?: Error) => void): void {
    this.#events.on(event, listener);
  }

  #connect(): NodeRedisClient {
    const client = this.template.duplicate(overrides(this.template));
    const current = (): boolean => client === this.#client && this.state !== 'closed';
    client.on('ready', () => {
      if (current()) void this.#ready(client);
    });
    client.on('error', (error) => {
      if (!current()) return;
      this.lastError = toError(error);
      if (!client.isReady) this.#lost(this.lastError);
    });
    // Rejects only when the client is destroyed: the strategy above never gives up.
    client.connect().catch(() => undefined);
    return client;
  }

  /** A connection is ready once its subscriptions are: what is published from then on is received. */
  async #ready(client: NodeRedisClient): Promise<void> {
    try {
      // node-redis subscribes again by itself after a reconnection, but a client made by interrupt() starts with none
      await Promise.all(
        [...this.#subscriptions].map(([channel, listener]) => this.#subscribe(client, channel, listener)),
      );
    } catch (error) {
      // the connection was lost meanwhile, or Redis refuses the channel: either way another attempt follows
      this.lastError = toError(error);
      if (client === this.#client && client.isReady) setTimeout(() => this.interrupt(), reconnectDelay(4)).unref();
      return;
    }
    if (client !== this.#client || this.state === 'closed' || !client.isReady) return;
    this.state = 'ready';
    this.lastError = undefined;
    this.#events.emit('ready');
  }

  #lost(error: Error | undefined): void {
    const wasReady = this.state === 'ready';
    if (wasReady) this.state = 'reconnecting';
    if (wasReady) this.#events.emit('lost', error);
  }

  #subscribe(client: NodeRedisClient, channel: string, listener: ChannelListener): Promise<void> {
    return this.settings.useShardedPubSub
      ? client.sSubscribe(channel, listener, true)
      : client.subscribe(channel, listener, true);
  }
}

function closedError(): AdapterClosedError {
  return new AdapterClosedError('The connection to Redis was closed, because the adapter was.');
}

function destroy(client: NodeRedisClient): void {
  try {
    client.destroy();
  } catch {
    // it was closed already
  }
}
