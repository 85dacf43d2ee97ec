import { InvalidOptionError } from '../errors.js';
import type { RedisDriver } from './driver.js';
import type { DriverSettings } from './driver-settings.js';
import { ioRedisLink, NO_TIMEOUTS, OWN_SETTINGS, type IoRedisClient } from './ioredis-link.js';
import { MasterFollowers } from './master-followers.js';

/** Driver for a `Redis` of the `ioredis` package, with or without Sentinel. */
export function ioRedisDriver(client: IoRedisClient, settings: DriverSettings): RedisDriver {
  const { host, port, path, sentinels, role, db: database = 0 } = client.options;
  const open = ioRedisLink(() => client.duplicate({ ...OWN_SETTINGS, ...NO_TIMEOUTS }), settings.useShardedPubSub);
  const followers = new MasterFollowers(open, settings.telemetry, Boolean(sentinels));
  if (sentinels) {
    if (role === 'slave') {
      throw new InvalidOptionError(
        "The Redis client has the option `role: 'slave'`, but what is published has to be written to the master. Give a client without it.",
        'client',
      );
    }
    return {
      open: (connectionRole) => followers.open(connectionRole),
      database,
      server: { address: sentinels[0]?.host ?? 'localhost', port: sentinels[0]?.port ?? 26_379 },
    };
  }
  return {
    open: (connectionRole) => followers.open(connectionRole),
    database,
    server: {
      address: path ?? host ?? 'localhost',
      port: path === undefined || path === null ? (port ?? 6379) : undefined,
    },
  };
}
