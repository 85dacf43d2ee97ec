import type { ClusterNode } from './cluster-node.js';
import type { RedisConnection } from './redis/driver.js';
import { encodePositions } from './stream/positions.js';
import { comparePositions, streamIdTime } from './stream/stream-id.js';
import { retentionOf, streamInfo } from './stream/stream-info.js';
import type { ConnectionRole, ConnectionState, TelemetrySource } from './telemetry-port.js';

/** The state of a node at one moment. */
export interface NodeSnapshot {
  /** The node's id, which is another after each start. */
  uid: string;
  /** Whether the node is in the cluster: not before its first connection, and not once it is closing. */
  joined: boolean;
  /** When a heartbeat of this node last came back to it, in milliseconds since the epoch; `undefined` before the first one. */
  lastHeartbeat: number | undefined;
  /** The other nodes. */
  members: Array<{
    /** The node. */
    uid: string;
    /** When it was first heard of, in milliseconds since the epoch. */
    since: number;
    /** When it was last heard of, in milliseconds since the epoch. */
    lastSeen: number;
  }>;
  /** The node's connections to Redis. */
  connections: Array<{
    /** What the connection is for. */
    role: ConnectionRole;
    /** Its state now. */
    state: ConnectionState;
  }>;
  /** Messages that wait for Redis. */
  outboxSize: number;
  /** How full the outbox is, from 0 to 1: by number or by bytes, whichever is more. */
  outboxFill: number;
  /** Sessions that are still to be written. */
  pendingSessions: number;
  /** Requests whose answers are awaited. */
  openRequests: number;
  /** The namespaces of the node. */
  namespaces: Array<{
    /** Name of the namespace, such as `/`. */
    name: string;
    /** Sockets that are connected to it on this node. */
    sockets: number;
    /** Position in its stream up to which everything was delivered; where its rooms are spread over several, those in all of them, as in the offsets of packets. */
    position: string;
  }>;
}

/** A stream, and how far a node has come in it. */
export interface StreamStatus {
  /** Key of the stream. */
  stream: string;
  /** Position up to which everything was delivered. */
  position: string;
  /** Entries in the stream. */
  length: number;
  /** How much older the last entry that was delivered is than the newest one, in milliseconds. */
  lagMs: number;
  /** How far back the stream reaches, in milliseconds. */
  retentionMs: number;
}

/** The state of a node, with that of its streams. */
export interface NodeStatus extends NodeSnapshot {
  /** The streams over which the namespaces, or their rooms, are spread. */
  streams: StreamStatus[];
}

export function snapshot(node: ClusterNode, connections: readonly RedisConnection[]): NodeSnapshot {
  return {
    uid: node.uid,
    joined: node.joined,
    lastHeartbeat: node.membership.lastEcho,
    members: [...node.membership.members.values()].map(({ uid, since, lastSeen }) => ({ uid, since, lastSeen })),
    connections: connections.map(({ role, state }) => ({ role, state })),
    outboxSize: node.log.writer.size,
    outboxFill: node.log.writer.fill,
    pendingSessions: node.sessions.pending,
    openRequests: node.requests.size,
    namespaces: [...node.adapters].map(([name, { nsp }]) => ({
      name,
      sockets: nsp.sockets.size,
      position: encodePositions(node.log.positions(name)),
    })),
  };
}

/** What the gauges of the telemetry read. */
export function gauges(node: ClusterNode, connections: readonly RedisConnection[]): TelemetrySource {
  return {
    uid: node.uid,
    server: node.driver.server,
    streamNames: node.log.streams,
    clusterSize: () => node.membership.size,
    outboxSize: (stream) => node.log.writer.sizeOf(stream),
    isDynamic: (namespace) => node.adapters.get(namespace)?.dynamic ?? false,
    connectionStates: () => connections.map(({ role, state }) => ({ role, state })),
    connections: () =>
      [...node.adapters.values()].map(({ nsp, dynamic }) => ({
        namespace: nsp.name,
        dynamic,
        count: nsp.sockets.size,
      })),
    streams: () => streamStatuses(node),
  };
}

/** Asks Redis for the streams, and rejects while it is away. */
export function streamStatuses(node: ClusterNode): Promise<StreamStatus[]> {
  return Promise.all(node.log.streams.map((stream) => measure(node, stream)));
}

async function measure(node: ClusterNode, stream: string): Promise<StreamStatus> {
  const info = await streamInfo(node.commands, stream);
  const position = node.log.position(stream);
  if (info === undefined) return { stream, position, length: 0, lagMs: 0, retentionMs: 0 };
  const behind = comparePositions(info.lastGeneratedId, position) > 0;
  const newest = streamIdTime(info.lastGeneratedId);
  const retentionMs = retentionOf(info);
  return {
    stream,
    position,
    length: info.length,
    // a position before the first entry, as that of a stream which began anew, is no further behind than the first entry
    lagMs: behind ? Math.max(0, newest - Math.max(newest - retentionMs, streamIdTime(position))) : 0,
    retentionMs,
  };
}
