import type { ResolvedOptions } from '../options.js';
import type { RedisConnection, RedisDriver } from '../redis/driver.js';
import type { SideStream } from '../stream/stream-log.js';
import type { Carrier } from './carrier.js';
import { PubSubCarrier } from './pubsub-carrier.js';
import { StreamCarrier } from './stream-carrier.js';

export interface OpenCarrier {
  carrier: Carrier;
  /** The connection over which messages come in. */
  incoming: RedisConnection;
  /** To be read along with the log. */
  side: SideStream | undefined;
}

/** Opens what the option `ephemeral` asks for; only channels need a connection of their own. */
export function openCarrier(
  driver: RedisDriver,
  { commands, reader }: Record<'commands' | 'reader', RedisConnection>,
  options: ResolvedOptions,
): OpenCarrier {
  if (options.ephemeral === 'stream') {
    const carrier = new StreamCarrier(commands, options);
    return { carrier, incoming: reader, side: carrier };
  }
  const subscriber = driver.open('subscriber');
  const carrier = new PubSubCarrier(commands, subscriber, options.ephemeral === 'sharded-pubsub');
  return { carrier, incoming: subscriber, side: undefined };
}
