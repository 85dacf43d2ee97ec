export type { NamespaceCount } from './cluster/census.js';
export type {
  ClusterMember,
  ClusterMembers,
  ClusterRequestOptions,
  ClusterView,
  CountOptions,
  SocketCount,
} from './cluster/cluster-view.js';
export { createAdapter, type AdapterFactory } from './create-adapter.js';
export {
  AdapterClosedError,
  InvalidOptionError,
  MessageTooLargeError,
  OutboxFullError,
  RedisUnavailableError,
  RemoteNodeError,
  RequestTimeoutError,
  SerializationError,
} from './errors.js';
export type { BroadcastEmitter } from './emitter/broadcast-emitter.js';
export {
  createEmitter,
  type Emitter,
  type EmitterEvents,
  type EmitterOptions,
  type NamespaceEmitter,
} from './emitter/emitter.js';
export type { EmitterSnapshot } from './emitter/emitter-link.js';
export type { AnyEvents, EventArguments, EventName } from './emitter/typed-events.js';
export type { EventSubscriptions, RedisStreamsEvents } from './events.js';
export type {
  EphemeralMode,
  HandshakeRedaction,
  RedisStreamsAdapterOptions,
  SessionMode,
  StreamKey,
} from './options.js';
export type { RedisClient } from './redis/create-driver.js';
export type { RedisStreamsAdapter } from './redis-streams-adapter.js';
export type { NodeSnapshot, NodeStatus, StreamStatus } from './snapshot.js';
export type * from './telemetry-port.js';
