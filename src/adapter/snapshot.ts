import type { ClusterNode } from './cluster-node.js';
import type { RedisConnection } from './redis/driver.js';
import { compareStreamIds, streamIdTime } from './stream/stream-id.js';
import { streamInfo } from './stream/stream-info.js';
import type { ConnectionRole, ConnectionState, TelemetrySource } from './telemetry-port.js';

/** The state of a node at one moment. */
export interface NodeSnapshot {
  uid: string;
  /** The other nodes, with when they were first and last heard of, in milliseconds since the epoch. */
  members: Array<{ uid: string; since: number; lastSeen: number }>;
  connections: Array<{ role: ConnectionRole; state: ConnectionState }>;
  /** Messages that wait for Redis. */
  outboxSize: number;
  /** Sessions that are still to be written. */
  pendingSessions: number;
  /** Requests whose answers are awaited. */
  openRequests: number;
  namespaces: Array<{ name: string; sockets: number; position: string }>;
}

export function snapshot(node: ClusterNode, connections: readonly RedisConnection[]): NodeSnapshot {
  return {
    uid: node.uid,
    members: [...node.membership.members.values()].map(({ uid, since, lastSeen }) => ({ uid, since, lastSeen })),
    connections: connections.map(({ role, state }) => ({ role, state })),
    outboxSize: node.log.writer.size,
    pendingSessions: node.sessions.pending,
    openRequests: node.requests.size,
    namespaces: [...node.adapters].map(([name, { nsp }]) => ({
      name,
      sockets: nsp.sockets.size,
      position: node.log.position(name),
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
    streams: () => Promise.all(node.log.streams.map((stream) => measure(node, stream))),
  };
}

async function measure(
  node: ClusterNode,
  stream: string,
): Promise<{ stream: string; length: number; lagMs: number; retentionMs: number }> {
  const info = await streamInfo(node.commands, stream);
  if (info === undefined) return { stream, length: 0, lagMs: 0, retentionMs: 0 };
  const position = node.log.positionOf(stream);
  const behind = compareStreamIds(info.lastGeneratedId, position) > 0;
  const newest = streamIdTime(info.lastGeneratedId);
  const oldest = info.firstEntryId === undefined ? newest : streamIdTime(info.firstEntryId);
  return {
    stream,
    length: info.length,
    // a position before the first entry, as that of a stream which began anew, is no further behind than the first entry
    lagMs: behind ? Math.max(0, newest - Math.max(oldest, streamIdTime(position))) : 0,
    retentionMs: Math.max(0, newest - oldest),
  };
}
