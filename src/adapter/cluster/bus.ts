import { faultOf, toError } from '../errors.js';
import { pack, unpack } from '../wire/envelope.js';
import type { Carrier } from './carrier.js';

/** What travels on the channels: it is for now, and of no use later. */
export interface BusMessage {
  uid: string;
  type: number | string;
  nsp?: string;
  data?: unknown;
  /** Trace context, of what is part of something that may be traced. */
  traceparent?: string;
  tracestate?: string;
}

export type BusListener = (message: BusMessage) => void;

/**
 * The channels between nodes: one for all of them, one for each. Nodes of `@socket.io/redis-streams-adapter` have two a namespace
 * instead, which are only joined where such nodes are about.
 */
export class Bus {
  constructor(
    private readonly carrier: Carrier,
    private readonly channelPrefix: string,
    /** A message could not be used, for the reason given. */
    private readonly onDropped: (reason: string) => void,
  ) {}

  /** The channel that every node of this package listens to. */
  get clusterChannel(): string {
    return `${this.channelPrefix}#@cluster#`;
  }

  /** The channel that one node listens to. */
  nodeChannel(uid: string): string {
    return `${this.channelPrefix}#@${uid}#`;
  }

  /** The channels of a namespace as the peer package names them: everybody's, and one node's. */
  namespaceChannel(namespace: string, uid?: string): string {
    return `${this.channelPrefix}#${namespace}#${uid === undefined ? '' : `${uid}#`}`;
  }

  /** The channel that the nodes of this package with a namespace listen to: nothing is sent there, but they can be counted. */
  namespaceCountChannel(namespace: string): string {
    return `${this.channelPrefix}#@nodes#${namespace}#`;
  }

  /** @returns how many heard it; `undefined` where whoever is to hear it will. */
  publish(channel: string, message: BusMessage): Promise<number | undefined> {
    return this.post(channel, seal(message));
  }

  /** Publishes what {@link seal} has made; see {@link publish}. */
  post(channel: string, letter: Buffer): Promise<number | undefined> {
    return this.carrier.publish(channel, letter);
  }

  /** Tells every node. @returns how many others will hear it, as far as that can be known. */
  announce(message: BusMessage): Promise<number> {
    return this.carrier.announce(this.clusterChannel, seal(message), read);
  }

  async subscribe(channel: string, listener: BusListener): Promise<void> {
    await this.carrier.subscribe(channel, (payload) => {
      const message = read(payload);
      if (message === undefined) return this.onDropped('malformed message on a channel');
      try {
        listener(message);
      } catch (error) {
        // thrown on, it would make the client drop whatever else it has received
        this.onDropped(`${faultOf(error)}: ${toError(error).message}`);
      }
    });
  }

  async unsubscribe(channel: string): Promise<void> {
    await this.carrier.unsubscribe(channel);
  }

  /** Fewer have heard something than are there: finds out anew where they listen. */
  lookAgain(): void {
    this.carrier.lookAgain?.();
  }

  /** How many connections listen to each of the channels, at one moment; 0 where that cannot be known. */
  async subscribers(...channels: string[]): Promise<number[]> {
    return (await this.carrier.subscribers?.(channels)) ?? channels.map(() => 0);
  }
}

/** A message as it travels. Throws when it cannot be serialised. */
export function seal(message: BusMessage): Buffer {
  return pack(message);
}

function read(payload: Buffer): BusMessage | undefined {
  try {
    const message = unpack(payload) as Partial<BusMessage> | null;
    if (typeof message !== 'object' || message === null) return undefined;
    const { uid, type } = message;
    if (typeof uid !== 'string' || (typeof type !== 'number' && typeof type !== 'string')) return undefined;
    return message as BusMessage;
  } catch {
    return undefined;
  }
}
