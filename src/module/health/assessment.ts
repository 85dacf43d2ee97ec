import type { ConnectionRole, ConnectionState, NodeSnapshot, NodeStatus } from '../../adapter/index.js';

/** When a node that works is called degraded. */
export interface HealthThresholds {
  /** Most that the node may be behind the end of the stream, in milliseconds. Default 5_000. */
  maxLag?: number;
  /** How full the outbox may be, from 0 to 1: by number or by bytes, whichever is more. Default 0.1. */
  maxOutboxFill?: number;
  /** How long the node's own heartbeats may fail to come back to it, in milliseconds. Default: the option `heartbeatTimeout`. */
  maxHeartbeatAge?: number;
}

/** The figures of a Socket.IO server. */
export interface ServerFigures {
  /** Id of its node, which is another after each start. */
  uid: string;
  /** Whether it is in the cluster. */
  joined: boolean;
  /** Nodes that it knows of, itself included. */
  nodes: number;
  /** Sockets that are connected to it, in all namespaces. */
  sockets: number;
  /** State of each of its connections to Redis. */
  connections: Partial<Record<ConnectionRole, ConnectionState>>;
  /** How far it is behind the end of the stream, in milliseconds; of several streams, the worst. `null` while Redis does not say. */
  lagMs: number | null;
  /** Messages that wait for Redis. */
  outboxSize: number;
  /** How full the outbox is, from 0 to 1: by number or by bytes, whichever is more. */
  outboxFill: number;
  /** How long ago a heartbeat of its own came back to it, in milliseconds; `null` before the first one. */
  heartbeatAgeMs: number | null;
}

/** What there is to say against a server, or an emitter. */
export interface Assessment {
  /** Why it does not work. */
  down: string[];
  /** Why it does not work well. */
  degraded: string[];
}

/** @param status the state of the node; without its streams when Redis did not tell. */
export function figuresOf(status: NodeSnapshot & Partial<Pick<NodeStatus, 'streams'>>, now: number): ServerFigures {
  const { uid, joined, members, namespaces, connections, streams, outboxSize, outboxFill, lastHeartbeat } = status;
  return {
    uid,
    joined,
    nodes: members.length + 1,
    sockets: namespaces.reduce((total, { sockets }) => total + sockets, 0),
    connections: Object.fromEntries(connections.map(({ role, state }) => [role, state])),
    lagMs: streams === undefined ? null : Math.max(0, ...streams.map(({ lagMs }) => lagMs)),
    outboxSize,
    outboxFill: round(outboxFill),
    heartbeatAgeMs: lastHeartbeat === undefined ? null : now - lastHeartbeat,
  };
}

/** @param failure why Redis did not tell how far the streams are; `undefined` when it did, or was too late. */
export function assessServer(
  figures: ServerFigures,
  thresholds: Required<HealthThresholds>,
  failure?: Error,
): Assessment {
  const { maxLag, maxOutboxFill, maxHeartbeatAge } = thresholds;
  const { joined, lagMs, outboxFill, outboxSize, heartbeatAgeMs, connections } = figures;
  const down = awayConnections(connections);
  if (!joined) down.push('it has not joined the cluster');
  if (down.length === 0 && lagMs === null) {
    down.push(failure ? `Redis cannot be asked for the stream: ${failure.message}` : 'Redis did not answer in time');
  }
  const degraded: string[] = [];
  if (lagMs !== null && lagMs > maxLag)
    degraded.push(`it is ${lagMs} ms behind the end of the stream (more than ${maxLag})`);
  if (outboxFill > maxOutboxFill) degraded.push(crowded(outboxFill, outboxSize, maxOutboxFill));
  if (heartbeatAgeMs !== null && heartbeatAgeMs > maxHeartbeatAge) {
    degraded.push(`its own heartbeats have not come back for ${heartbeatAgeMs} ms (more than ${maxHeartbeatAge})`);
  }
  return { down, degraded };
}

/** An emitter that nobody has used yet has no connection, and needs none. */
export function assessEmitter(
  figures: { state: ConnectionState; outboxSize: number; outboxFill: number },
  { maxOutboxFill }: Required<HealthThresholds>,
): Assessment {
  const { state, outboxSize, outboxFill } = figures;
  return {
    down: awayConnections({ writer: state }),
    degraded: outboxFill > maxOutboxFill ? [crowded(outboxFill, outboxSize, maxOutboxFill)] : [],
  };
}

function awayConnections(connections: ServerFigures['connections']): string[] {
  return Object.entries(connections)
    .filter(([, state]) => state !== 'ready')
    .map(
      ([role, state]) =>
        `the ${role}'s connection to Redis is ${state === 'closed' ? 'closed for good' : `away (${state})`}`,
    );
}

function crowded(fill: number, size: number, most: number): string {
  return `its outbox is ${percent(fill)} full, with ${size} messages (more than ${percent(most)})`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function round(share: number): number {
  return Math.round(share * 1_000) / 1_000;
}
