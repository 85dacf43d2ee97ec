import type { ConnectionRole, ConnectionState } from '../telemetry-port.js';

export type RedisArgument = string | Buffer;

export type ChannelListener = (payload: Buffer) => void;

/** Redis has refused commands of a transaction, for the reason given, and may have carried out others. */
export class PartialTransactionError extends Error {
  override readonly name = 'PartialTransactionError';

  constructor(refusal: Error) {
    super(refusal.message, { cause: refusal });
  }
}

/**
 * A connection of the package's own. It reconnects by itself until it is closed, with growing, jittered delays, and queues nothing
 * while it is not ready: the outbox is the only queue, so that what was sent and what was not is always known. One on which Redis owes a
 * reply, and has said nothing for ten seconds longer than a command may block, is lost.
 */
export interface RedisConnection {
  readonly role: ConnectionRole;
  readonly state: ConnectionState;
  /** The error that the last attempt to connect ended with. */
  readonly lastError: Error | undefined;
  /** Sends one command. Rejects at once when the connection is not ready, and when it is lost before the reply. */
  send(args: readonly RedisArgument[]): Promise<unknown>;
  /** As {@link send}, but the strings in the reply come as Buffers, which are windows on what was received. */
  sendForBuffers(args: readonly RedisArgument[]): Promise<unknown>;
  /**
   * Sends the commands as one transaction: all of them take effect, next to each other, or none. But those that Redis refuses only once it
   * carries them out do not keep the others from taking effect: then it rejects with a {@link PartialTransactionError}.
   */
  transaction(commands: ReadonlyArray<readonly RedisArgument[]>): Promise<unknown[]>;
  /**
   * Subscribes; the subscription outlives reconnections. Resolves when Redis has confirmed it. When it rejects, it may be asked for
   * again: a channel has one listener, the first.
   */
  subscribe(channel: string, listener: ChannelListener): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  /** Resolves when the connection is ready, at once if it is; rejects when it is closed or `signal` is aborted. */
  whenReady(signal?: AbortSignal): Promise<void>;
  /** Drops the connection, also one that is blocked, and makes a new one. */
  interrupt(): void;
  /** Closes for good. Commands in flight are rejected. */
  close(): void;
  /** Called when the connection becomes ready (again), and when it is lost. */
  on(event: 'ready', listener: () => void): void;
  on(event: 'lost', listener: (error: Error | undefined) => void): void;
  /**
   * What of the connection leads to where `key` is: the connection itself, or, where the keys are spread over a cluster, a part of it
   * with a state and events of its own. Keys that one command may name together have the same part.
   */
  forKey(key: string): RedisConnection;
  /** How many listen to a channel; missing where PUBLISH tells. */
  listeners?(channel: string): Promise<number>;
  /** Finds out anew where channels are listened to; missing where that cannot have changed. */
  lookAgain?(): void;
}

/** One family of Redis clients. Nothing else asks what kind of client it was given. */
export interface RedisDriver {
  /** Opens a connection of its own, with the settings of the client given. */
  open(role: ConnectionRole): RedisConnection;
  /** Where Redis is, as far as the client tells. Never credentials. */
  readonly server: { address: string | undefined; port: number | undefined };
  /** Which database its connections use; `undefined` where the client does not tell (yet). */
  readonly database?: number | undefined;
}

/** Where Redis is, for a person. */
export function serverText({ server: { address, port } }: RedisDriver): string {
  if (address === undefined) return 'Redis';
  return `Redis at ${port === undefined ? address : `${address}:${port}`}`;
}

/** Delay before the attempt after `failures` failed ones, in milliseconds: 50 to 2,000, half of it jitter. */
export function reconnectDelay(failures: number): number {
  const ceiling = Math.min(2_000, 50 * 2 ** Math.min(failures, 6));
  return Math.round(ceiling / 2 + Math.random() * (ceiling / 2));
}
