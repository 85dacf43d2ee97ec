import type {
  ConnectionState,
  DropReason,
  MessageTypeName,
  PollResult,
  RequestType,
  SessionOutcome,
  SessionSource,
  TransitionKind,
} from '../adapter/telemetry-port.js';

// As objects, because a type alone leaves nothing to walk through, and this way a missing member is a compile error.
function members<T extends string>(set: Record<T, true>): readonly T[] {
  return Object.keys(set) as T[];
}

export const MESSAGE_TYPES = members<MessageTypeName>({
  broadcast: true,
  broadcast_with_ack: true,
  sockets_join: true,
  sockets_leave: true,
  disconnect_sockets: true,
  fetch_sockets: true,
  server_side_emit: true,
  server_side_emit_with_ack: true,
  response: true,
  unknown: true,
});
export const REQUEST_TYPES = members<RequestType>({
  fetch_sockets: true,
  server_side_emit: true,
  broadcast_with_ack: true,
});
export const POLL_RESULTS = members<PollResult>({ messages: true, empty: true, error: true });
export const DROP_REASONS = members<DropReason>({
  outbox_full: true,
  too_large: true,
  decode_error: true,
  gap: true,
  handler_error: true,
});
export const TRANSITIONS = members<TransitionKind>({ joined: true, left: true, lost: true });
export const STATES = members<ConnectionState>({ connecting: true, ready: true, reconnecting: true, closed: true });
export const OUTCOMES = members<SessionOutcome>({
  restored: true,
  not_found: true,
  trimmed: true,
  invalid: true,
  forbidden: true,
  error: true,
});
export const SOURCES = members<SessionSource>({ memory: true, redis: true });
