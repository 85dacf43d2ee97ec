import type { Attributes } from '@opentelemetry/api';
import { AttributeName as A, MetricName as M } from './names.js';

export interface MetricDefinition {
  name: string;
  unit: string;
  description: string;
  /** Keys of the attributes, in the order in which their values are given. */
  attributes: readonly string[];
  /** Attributes with one value. */
  fixed?: Attributes;
  /** Upper bounds of a histogram's buckets. */
  buckets?: number[];
}

// The bounds that the messaging conventions ask for.
const DURATION = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const DELIVERY = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 10, 30, 60];
// Close around 5 s, the default interval, where a gap that grows first shows.
const GAP = [0.5, 1, 2.5, 4, 5, 5.5, 6, 7.5, 10, 15, 20, 30, 60];
const PACKETS = [0, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000];

// The conventions require both on every messaging metric, which other libraries fill as well.
const xadd = { [A.MESSAGING_SYSTEM]: 'redis', [A.MESSAGING_OPERATION_NAME]: 'xadd' };
const xread = { [A.MESSAGING_SYSTEM]: 'redis', [A.MESSAGING_OPERATION_NAME]: 'xread' };
const process = { [A.MESSAGING_SYSTEM]: 'redis', [A.MESSAGING_OPERATION_NAME]: 'process' };

export const COUNTERS = {
  sent: {
    name: M.SENT_MESSAGES,
    unit: '{message}',
    description: 'Messages written to a stream, or given up.',
    attributes: [A.MESSAGING_DESTINATION_NAME, A.MESSAGE_TYPE, A.ERROR_TYPE],
    fixed: xadd,
  },
  consumed: {
    name: M.CONSUMED_MESSAGES,
    unit: '{message}',
    description: 'Messages read, the own ones of the node included.',
    attributes: [A.MESSAGING_DESTINATION_NAME, A.MESSAGE_TYPE],
    fixed: xread,
  },
  polls: {
    name: M.POLLS,
    unit: '{poll}',
    description: 'XREAD commands that came back.',
    attributes: [A.MESSAGING_DESTINATION_NAME, A.POLL_RESULT],
  },
  skipped: {
    name: M.SKIPPED_MESSAGES,
    unit: '{message}',
    description: 'Messages for which the node had no socket.',
    attributes: [A.MESSAGING_DESTINATION_NAME],
  },
  dropped: {
    name: M.DROPPED_MESSAGES,
    unit: '{message}',
    description: 'Messages that were lost.',
    attributes: [A.MESSAGING_DESTINATION_NAME, A.DROP_REASON],
  },
  duplicates: {
    name: M.DUPLICATE_MESSAGES,
    unit: '{message}',
    description: 'Messages that were in the stream twice and were delivered once.',
    attributes: [A.MESSAGING_DESTINATION_NAME],
  },
  missingResponses: {
    name: M.MISSING_RESPONSES,
    unit: '{response}',
    description: 'Responses that other nodes owed to a request when it ended.',
    attributes: [A.REQUEST_TYPE],
  },
  heartbeats: {
    name: M.HEARTBEATS,
    unit: '{heartbeat}',
    description: 'Heartbeats sent and received.',
    attributes: [A.HEARTBEAT_DIRECTION, A.ERROR_TYPE],
  },
  transitions: {
    name: M.CLUSTER_TRANSITIONS,
    unit: '{transition}',
    description: 'Nodes that joined, left or were lost.',
    attributes: [A.CLUSTER_TRANSITION],
  },
  reconnections: {
    name: M.REDIS_RECONNECTIONS,
    unit: '{reconnection}',
    description: 'Connections to Redis that were lost and are ready again.',
    attributes: [A.REDIS_ROLE],
  },
  restores: {
    name: M.RESTORES,
    unit: '{restore}',
    description: 'Clients that came back with a session id.',
    attributes: [A.NAMESPACE, A.SESSION_OUTCOME, A.SESSION_SOURCE],
  },
} as const satisfies Record<string, MetricDefinition>;

export const HISTOGRAMS = {
  operation: {
    name: M.OPERATION_DURATION,
    unit: 's',
    description: 'Duration of XADD commands.',
    attributes: [A.MESSAGING_DESTINATION_NAME, A.ERROR_TYPE],
    fixed: xadd,
    buckets: DURATION,
  },
  process: {
    name: M.PROCESS_DURATION,
    unit: 's',
    description: 'Duration of decoding and delivering what an entry holds on this node.',
    attributes: [A.MESSAGING_DESTINATION_NAME, A.MESSAGE_TYPE, A.ERROR_TYPE],
    fixed: process,
    buckets: DURATION,
  },
  delivery: {
    name: M.DELIVERY_DURATION,
    unit: 's',
    description: 'Time from the entry of a message into the stream to its delivery on this node.',
    attributes: [A.MESSAGING_DESTINATION_NAME],
    buckets: DELIVERY,
  },
  request: {
    name: M.REQUEST_DURATION,
    unit: 's',
    description: 'Duration of requests to the other nodes.',
    attributes: [A.REQUEST_TYPE, A.ERROR_TYPE],
    buckets: DURATION,
  },
  heartbeatGap: {
    name: M.HEARTBEAT_GAP,
    unit: 's',
    description: 'Silence of another node before a heartbeat of it.',
    attributes: [],
    buckets: GAP,
  },
  persist: {
    name: M.PERSIST_DURATION,
    unit: 's',
    description: 'Duration of saving a session.',
    attributes: [A.NAMESPACE, A.ERROR_TYPE],
    buckets: DURATION,
  },
  restore: {
    name: M.RESTORE_DURATION,
    unit: 's',
    description: 'Duration of looking for a session and its missed packets.',
    attributes: [A.NAMESPACE, A.SESSION_OUTCOME, A.SESSION_SOURCE, A.ERROR_TYPE],
    buckets: DURATION,
  },
  missedPackets: {
    name: M.MISSED_PACKETS,
    unit: '{packet}',
    description: 'Packets that a recovered client had missed.',
    attributes: [A.NAMESPACE, A.SESSION_SOURCE],
    buckets: PACKETS,
  },
} as const satisfies Record<string, MetricDefinition>;

export const GAUGES = {
  streamLag: {
    name: M.STREAM_LAG,
    unit: 's',
    description: 'Age that the position of the reader has against the newest entry.',
    attributes: [A.MESSAGING_DESTINATION_NAME],
  },
  streamLength: {
    name: M.STREAM_LENGTH,
    unit: '{entry}',
    description: 'Entries in the stream.',
    attributes: [A.MESSAGING_DESTINATION_NAME],
  },
  streamRetention: {
    name: M.STREAM_RETENTION,
    unit: 's',
    description: 'Time back to which the stream reaches: how long a client can be away and recover.',
    attributes: [A.MESSAGING_DESTINATION_NAME],
  },
  clusterSize: {
    name: M.CLUSTER_SIZE,
    unit: '{node}',
    description: 'Nodes that this one knows of, itself included.',
    attributes: [],
  },
} as const satisfies Record<string, MetricDefinition>;

export const UP_DOWN_COUNTERS = {
  outboxSize: {
    name: M.OUTBOX_SIZE,
    unit: '{message}',
    description: 'Messages that wait in memory for Redis.',
    attributes: [A.MESSAGING_DESTINATION_NAME],
  },
  redisStatus: {
    name: M.REDIS_STATUS,
    unit: '{connection}',
    description: 'State of the connections to Redis: 1 for the current one.',
    attributes: [A.REDIS_ROLE, A.REDIS_STATE],
  },
  connections: {
    name: M.CONNECTIONS,
    unit: '{socket}',
    description: 'Sockets that are connected to this node.',
    attributes: [A.NAMESPACE],
  },
} as const satisfies Record<string, MetricDefinition>;
