export { createAdapter, type AdapterFactory } from './create-adapter.js';
export {
  AdapterClosedError,
  InvalidOptionError,
  OutboxFullError,
  RedisUnavailableError,
  RemoteNodeError,
  RequestTimeoutError,
  SerializationError,
} from './errors.js';
export type { RedisStreamsEvents } from './events.js';
export type { RedisStreamsAdapterOptions, SessionMode } from './options.js';
export type { RedisClient } from './redis/create-driver.js';
export type { RedisStreamsAdapter } from './redis-streams-adapter.js';
export type { NodeSnapshot } from './snapshot.js';
export type * from './telemetry-port.js';
