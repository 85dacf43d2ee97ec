import type { ChannelListener } from '../redis/driver.js';

/** Whom a message is from, and what it is: as much of it as a carrier may ask for. */
export interface Letterhead {
  uid: string;
  type: number | string;
}

/** What messages between nodes travel by that are for now, and of no use later. */
export interface Carrier {
  /** The command that publishes. */
  readonly command: 'PUBLISH' | 'SPUBLISH' | 'XADD';
  /** @returns how many heard it; `undefined` where whoever is to hear it will. */
  publish(channel: string, payload: Buffer): Promise<number | undefined>;
  /**
   * Publishes, and tells how many others will hear it, as far as that can be known.
   *
   * @param read what a payload tells; `undefined` when it is malformed.
   */
  announce(channel: string, payload: Buffer, read: (payload: Buffer) => Letterhead | undefined): Promise<number>;
  /** Resolves once what is published from now on is heard. A channel has one listener, the first. */
  subscribe(channel: string, listener: ChannelListener): Promise<void>;
  unsubscribe(channel: string): Promise<void>;
  /** How many connections listen to each of the channels, at one moment; missing where that cannot be known. */
  subscribers?(channels: readonly string[]): Promise<number[]>;
  /** Finds out anew where channels are listened to; missing where that cannot have changed. */
  lookAgain?(): void;
}
