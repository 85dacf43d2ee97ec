import { toError } from '../errors.js';
import type { RedisConnection } from '../redis/driver.js';
import { pack, unpack } from '../wire/envelope.js';

/** What travels on the channels: it is for now, and of no use later. */
export interface BusMessage {
  uid: string;
  type: number | string;
  nsp?: string;
  data?: unknown;
  /** Trace context, where a request has one. */
  traceparent?: string;
  tracestate?: string;
}

export type BusListener = (message: BusMessage) => void;

export interface BusOptions {
  channelPrefix: string;
  useShardedPubSub: boolean;
}

/**
 * The channels between nodes: one for all of them, one for each. Nodes of `@socket.io/redis-streams-adapter` have two a namespace
 * instead, which are only joined where such nodes are about.
 */
export class Bus {
  constructor(
    private readonly publisher: RedisConnection,
    private readonly subscriber: RedisConnection,
    private readonly options: BusOptions,
    /** A message could not be used, for the reason given. */
    private readonly onDropped: (reason: string) => void,
  ) {}

  /** The channel that every node of this package listens to. */
  get clusterChannel(): string {
    return `${this.options.channelPrefix}#@cluster#`;
  }

  /** The channel that one node listens to. */
  nodeChannel(uid: string): string {
    return `${this.options.channelPrefix}#@${uid}#`;
  }

  /** The channels of a namespace as the peer package names them: everybody's, and one node's. */
  namespaceChannel(namespace: string, uid?: string): string {
    return `${this.options.channelPrefix}#${namespace}#${uid === undefined ? '' : `${uid}#`}`;
  }

  /** The channel that the nodes of this package with a namespace listen to: nothing is sent there, but they can be counted. */
  namespaceCountChannel(namespace: string): string {
    return `${this.options.channelPrefix}#@nodes#${namespace}#`;
  }

  /** @returns how many connections received the message, as far as one Redis node knows. */
  async publish(channel: string, message: BusMessage): Promise<number> {
    // See https://redis.io/docs/latest/commands/publish/
    const command = this.options.useShardedPubSub ? 'SPUBLISH' : 'PUBLISH';
    return Number(await this.publisher.send([command, channel, pack(message)]));
  }

  async subscribe(channel: string, listener: BusListener): Promise<void> {
    await this.subscriber.subscribe(channel, (payload) => {
      const message = this.#read(payload);
      if (message === undefined) return this.onDropped('malformed message on a channel');
      try {
        listener(message);
      } catch (error) {
        // thrown on, it would make the client drop whatever else it has received
        this.onDropped(`handler_error: ${toError(error).message}`);
      }
    });
  }

  async unsubscribe(channel: string): Promise<void> {
    await this.subscriber.unsubscribe(channel);
  }

  /** How many connections listen to each of the channels, at one moment. See https://redis.io/docs/latest/commands/pubsub-numsub/ */
  async subscribers(...channels: string[]): Promise<number[]> {
    const subcommand = this.options.useShardedPubSub ? 'SHARDNUMSUB' : 'NUMSUB';
    const reply = (await this.publisher.send(['PUBSUB', subcommand, ...channels])) as unknown[];
    return channels.map((_channel, index) => Number(reply[2 * index + 1]));
  }

  #read(payload: Buffer): BusMessage | undefined {
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
}
