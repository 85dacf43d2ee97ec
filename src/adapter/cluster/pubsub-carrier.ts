import type { ChannelListener, RedisConnection } from '../redis/driver.js';
import type { Carrier } from './carrier.js';

/** The channels of Redis. See https://redis.io/docs/latest/develop/pubsub/ */
export class PubSubCarrier implements Carrier {
  readonly command: 'PUBLISH' | 'SPUBLISH';

  constructor(
    private readonly publisher: RedisConnection,
    private readonly subscriber: RedisConnection,
    private readonly sharded: boolean,
  ) {
    this.command = sharded ? 'SPUBLISH' : 'PUBLISH';
  }

  /** Redis tells how many connections received the message, as far as one node of a cluster knows, which is the one that they listen to. */
  async publish(channel: string, payload: Buffer): Promise<number> {
    // See https://redis.io/docs/latest/commands/publish/
    return Number(await this.publisher.send([this.command, channel, payload]));
  }

  /** One of those who hear it is this node itself. Who begins to listen meanwhile makes itself known. */
  async announce(channel: string, payload: Buffer): Promise<number> {
    const listeners = this.sharded ? undefined : this.publisher.listeners?.(channel);
    // a user that may not ask goes by what PUBLISH tells
    const count = (await listeners?.catch(() => undefined)) ?? 0;
    return Math.max(count, await this.publish(channel, payload)) - 1;
  }

  lookAgain(): void {
    this.publisher.lookAgain?.();
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
}
