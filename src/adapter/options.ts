import type { TelemetryPort } from './telemetry-port.js';

/**
 * When the sessions of connection state recovery are written to Redis.
 *
 * - `on-disconnect`: when a client disconnects. Clients of a node that is stopped gracefully recover.
 * - `crash-safe`: also while the client is connected, so that the clients of a node that was killed recover, too.
 */
export type SessionMode = 'on-disconnect' | 'crash-safe';

/**
 * How heartbeats and answers travel between nodes, which are for now, and of no use later.
 *
 * - `pubsub`: through channels.
 * - `sharded-pubsub`: through sharded channels, of which in a Redis Cluster only one shard knows. See
 *   https://redis.io/docs/latest/develop/pubsub/#sharded-pubsub
 * - `stream`: through a short stream beside the log, for services without channels.
 */
export type EphemeralMode = 'pubsub' | 'sharded-pubsub' | 'stream';

/**
 * What `fetchSockets()` tells other nodes of the handshake of a socket: its headers, query and `auth` may hold cookies and tokens.
 *
 * - `false`: all of it.
 * - `true`: without headers, query and `auth`, which are empty.
 * - a function: what it returns.
 */
export type HandshakeRedaction = boolean | ((handshake: Readonly<Record<string, unknown>>) => Record<string, unknown>);

/**
 * What decides which of the streams carries a message, where `streamCount` is above 1.
 *
 * - `namespace`: its namespace. Everything that a namespace does is in one order.
 * - `room`: the room, where it is for one room alone, and the namespace otherwise. What is for one and the same room is in one order, and
 *   so is everything else of a namespace; the two, and the rooms among one another, are not.
 */
export type StreamKey = 'namespace' | 'room';

/** Options of the adapter. Every one has a default. Durations are in milliseconds. */
export interface RedisStreamsAdapterOptions {
  /**
   * What the names of the streams, of the channels and of the keys of sessions begin with: tenants with different ones meet nowhere on a
   * Redis that they share. Default: nothing.
   */
  keyPrefix?: string;
  /** Name of the Redis stream, or its prefix when `streamCount` is above 1. Default `socket.io`. */
  streamName?: string;
  /** Number of streams over which the namespaces, or their rooms, are spread. Default 1. */
  streamCount?: number;
  /** What is spread over the streams. All nodes and emitters of a cluster must have the same. Default `namespace`. */
  streamBy?: StreamKey;
  /** Prefix of the channels, or of the stream in their place. Default `socket.io`. */
  channelPrefix?: string;
  /** How heartbeats and answers travel. All nodes of a cluster must have the same. Default `pubsub`. */
  ephemeral?: EphemeralMode;
  /** `true` is the same as `ephemeral: 'sharded-pubsub'`. Default `false`. */
  useShardedPubSub?: boolean;
  /**
   * Number of messages to which the stream is trimmed, almost exactly (`~`): it never holds fewer for being trimmed. Default 10_000, and
   * with `maxAge` none. See https://redis.io/docs/latest/commands/xadd/
   */
  maxLen?: number;
  /**
   * Age from which on entries are trimmed, in milliseconds by the clock of Redis: those that are younger are there, those that are older
   * go with what is published next, in blocks (`~`). Default: none, it is trimmed by `maxLen`. With both, entries go that are beyond one
   * of the two. All nodes and emitters of a cluster must have the same.
   */
  maxAge?: number;
  /** Most entries of each stream that one XREAD returns. Default 100. See https://redis.io/docs/latest/commands/xread/ */
  readCount?: number;
  /** How long an XREAD waits for entries, in milliseconds. Default 5_000. */
  blockTimeInMs?: number;
  /** Prefix of the keys of the sessions of connection state recovery. Default `sio:session:`. */
  sessionKeyPrefix?: string;
  /** Time between two heartbeats, in milliseconds. Default 5_000. */
  heartbeatInterval?: number;
  /** Silence after which a node is taken for lost, in milliseconds; above `heartbeatInterval`. Default 10_000. */
  heartbeatTimeout?: number;
  /** Promise that no payload holds binary data, so that it is not looked for. Default `false`. */
  onlyPlaintext?: boolean;
  /**
   * Separates Servers that share a Redis: only Servers of the same scope exchange packets and sessions. Default: none for a
   * Server on the path `/socket.io`, otherwise the path.
   */
  scope?: string;
  /**
   * Nodes of `@socket.io/redis-streams-adapter` are in the cluster, too: count them, answer them, accept their sessions, and give every
   * message an entry of its own, as they can read no others. Default `false`.
   */
  interop?: boolean;
  /** When sessions are written. Default `on-disconnect`. */
  sessions?: SessionMode;
  /** How long `fetchSockets` and `serverSideEmit` with acknowledgement wait for the other nodes, in milliseconds. Default 5_000. */
  requestTimeout?: number;
  /** What `fetchSockets()` leaves out of the handshakes that this node sends to the others, over Redis. Default `false`: nothing. */
  redactHandshake?: HandshakeRedaction;
  /** How long a start waits for Redis before it fails, in milliseconds. Default 10_000. */
  readyTimeout?: number;
  /** How long a stop waits for what is still to be written to Redis, in milliseconds. Default 5_000. */
  shutdownTimeout?: number;
  /** How long a returning client waits for its session while Redis is away, in milliseconds. Default 10_000. */
  restoreTimeout?: number;
  /** Most messages that wait in memory while Redis is away. Default 100_000. */
  outboxMaxLen?: number;
  /** Most bytes that wait in memory while Redis is away. Default 67_108_864 (64 MiB). */
  outboxMaxBytes?: number;
  /** Most bytes of recent entries kept in memory, from which sessions are restored without Redis. Default 16_777_216 (16 MiB). */
  recentMaxBytes?: number;
  /** Where spans and metrics go. Default: nowhere. */
  telemetry?: TelemetryPort;
}

/** Options that may be left open. */
type Unset = 'scope' | 'maxLen' | 'maxAge';

/** Options with every default filled in. */
export type ResolvedOptions = Required<Omit<RedisStreamsAdapterOptions, 'telemetry' | Unset>> & {
  [K in Unset]: RedisStreamsAdapterOptions[K] | undefined;
} & {
  telemetry: TelemetryPort;
};
