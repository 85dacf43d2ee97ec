import type { ChannelListener, RedisConnection } from '../redis/driver.js';
import type { Carrier } from './carrier.js';

/** The channels of Redis. See https://redis.io/docs/latest/develop/pubsub/ */
export class PubSubCarrier implements Carrier {
  constructor(
    private readonly publisher: RedisConnection,
    private readonly subscriber: RedisConnection,
    private readonly sharded: boolean,
  ) {}

  async publish(channel: string, payload: Buffer): Promise<void> {
    await this.#publish(channel, payload);
  }

  /** Redis tells how many connections received the message, as far as one node of a cluster knows; one of them is our own. */
  async announce(channel: string, payload: Buffer): Promise<number> {
    return Number(await this.#publish(channel, payload)) - 1;
  }

  subscribe(channel: string, listener: ChannelListener): Promise<void> {
    return this.subscriber.subscribe(channel, listener);
  }

  unsubscribe(channel: string): Promise<void> {
    return this.subscriber.unsubscribe(channel);
  }

  /** See https://redis.io/docs/latest/commands/pubsub-numsub/ */
  async subscribers(channels: readonly string[]): Promise<number[]> {
    const reply = (await this.publisher.send([
      'PUBSUB',
      this.sharded ? 'SHARDNUMSUB' : 'NUMSUB',
      ...channels,
    ])) as unknown[];
    return channels.map((_channel, index) => Number(reply[2 * index + 1]));
  }

  /** See https://redis.io/docs/latest/commands/publish/ */
  #publish(channel: string, payload: Buffer): Promise<unknown> {
    return this.publisher.send([this.sharded ? 'SPUBLISH' : 'PUBLISH', channel, payload]);
  }
}
