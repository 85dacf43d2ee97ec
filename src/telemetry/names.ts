/**
 * Every name that this package gives to spans, attributes and metrics. Those that begin with `messaging.`, `server.` and
 * `error.` are OpenTelemetry's own, at status Development; they are copied here so that an update of the conventions is a
 * decision. See https://opentelemetry.io/docs/specs/semconv/messaging/
 */

/** Name of the instrumentation scope of all spans and metrics. */
export const INSTRUMENTATION_SCOPE = 'nestjs-redis-streams-adapter';

/**
 * First word of each span's name; what it is about (a stream, a namespace, a role) follows after a space.
 *
 * @enum
 */
export const SpanName = {
  PROCESS: 'process',
  XADD: 'xadd',
  CREATE: 'create',
  XREAD: 'xread',
  REQUEST: 'request',
  HEARTBEAT: 'heartbeat',
  CLUSTER_TRANSITION: 'cluster.transition',
  REDIS_RECONNECT: 'redis.reconnect',
  PERSIST_SESSION: 'persist_session',
  RESTORE_SESSION: 'restore_session',
} as const;

/**
 * Keys of the attributes of spans and metrics.
 *
 * @enum
 */
export const AttributeName = {
  MESSAGING_SYSTEM: 'messaging.system',
  MESSAGING_DESTINATION_NAME: 'messaging.destination.name',
  MESSAGING_OPERATION_NAME: 'messaging.operation.name',
  MESSAGING_OPERATION_TYPE: 'messaging.operation.type',
  MESSAGING_MESSAGE_ID: 'messaging.message.id',
  MESSAGING_BATCH_MESSAGE_COUNT: 'messaging.batch.message_count',
  SERVER_ADDRESS: 'server.address',
  SERVER_PORT: 'server.port',
  ERROR_TYPE: 'error.type',
  NAMESPACE: 'socketio.namespace',
  MESSAGE_TYPE: 'socketio.message.type',
  EVENT_NAME: 'socketio.event.name',
  ROOM_COUNT: 'socketio.room.count',
  DELIVERED_COUNT: 'socketio.delivered.count',
  NODE_UID: 'socketio.node.uid',
  POLL_RESULT: 'socketio.adapter.poll.result',
  DROP_REASON: 'socketio.adapter.drop.reason',
  REQUEST_TYPE: 'socketio.adapter.request.type',
  REQUEST_EXPECTED_RESPONSES: 'socketio.adapter.request.expected_responses',
  REQUEST_RECEIVED_RESPONSES: 'socketio.adapter.request.received_responses',
  HEARTBEAT_DIRECTION: 'socketio.adapter.heartbeat.direction',
  CLUSTER_TRANSITION: 'socketio.adapter.cluster.transition',
  CLUSTER_SIZE: 'socketio.adapter.cluster.size',
  REDIS_ROLE: 'socketio.adapter.redis.role',
  REDIS_STATE: 'socketio.adapter.redis.state',
  SESSION_OUTCOME: 'socketio.session.outcome',
  SESSION_SOURCE: 'socketio.session.source',
  SESSION_MISSED_PACKETS: 'socketio.session.missed_packets',
  SESSION_SCANNED_ENTRIES: 'socketio.session.scanned_entries',
} as const;

/**
 * Names of the metrics.
 *
 * @enum
 */
export const MetricName = {
  OPERATION_DURATION: 'messaging.client.operation.duration',
  SENT_MESSAGES: 'messaging.client.sent.messages',
  CONSUMED_MESSAGES: 'messaging.client.consumed.messages',
  PROCESS_DURATION: 'messaging.process.duration',
  POLLS: 'socketio.adapter.polls',
  DELIVERY_DURATION: 'socketio.adapter.message.delivery.duration',
  SKIPPED_MESSAGES: 'socketio.adapter.message.skipped',
  DROPPED_MESSAGES: 'socketio.adapter.message.dropped',
  DUPLICATE_MESSAGES: 'socketio.adapter.message.duplicates',
  STREAM_LAG: 'socketio.adapter.stream.lag',
  STREAM_LENGTH: 'socketio.adapter.stream.length',
  STREAM_RETENTION: 'socketio.adapter.stream.retention',
  REQUEST_DURATION: 'socketio.adapter.request.duration',
  MISSING_RESPONSES: 'socketio.adapter.request.missing_responses',
  HEARTBEATS: 'socketio.adapter.heartbeats',
  HEARTBEAT_GAP: 'socketio.adapter.heartbeat.gap',
  CLUSTER_SIZE: 'socketio.adapter.cluster.size',
  CLUSTER_TRANSITIONS: 'socketio.adapter.cluster.transitions',
  OUTBOX_SIZE: 'socketio.adapter.outbox.size',
  REDIS_STATUS: 'socketio.adapter.redis.status',
  REDIS_RECONNECTIONS: 'socketio.adapter.redis.reconnections',
  CONNECTIONS: 'socketio.adapter.connections',
  PERSIST_DURATION: 'socketio.session.persist.duration',
  RESTORE_DURATION: 'socketio.session.restore.duration',
  RESTORES: 'socketio.session.restores',
  MISSED_PACKETS: 'socketio.session.restore.missed_packets',
} as const;

/** Stands for every namespace that was created from a pattern or a function: there is no end to their names. */
export const DYNAMIC_NAMESPACE = '_dynamic';
