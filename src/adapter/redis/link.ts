import type { ChannelListener, RedisArgument } from './driver.js';

/** One connection of a client library, from when it takes commands until it is lost. It never comes back: another one is made. */
export interface Link {
  /** Where it leads to, where that can be told. */
  readonly address: string | undefined;
  /** Sends one command, right behind those that were sent before. */
  send(args: readonly RedisArgument[]): Promise<unknown>;
  /** As {@link send}, but the strings in the reply come as Buffers. */
  sendForBuffers(args: readonly RedisArgument[]): Promise<unknown>;
  subscribe(channel: string, listener: ChannelListener): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  /** Drops the connection. What is in flight is rejected, and nobody is told that it was lost. */
  destroy(): void;
}

/** Makes a link. `onLost` is called when it breaks later on; once `signal` is aborted, it is not made any more. */
export type OpenLink = (onLost: (error: Error) => void, signal: AbortSignal) => Promise<Link>;
