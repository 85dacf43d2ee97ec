/**
 * What the adapter tells about itself. The adapter calls this interface and knows nothing of OpenTelemetry; `src/telemetry`
 * implements it. No method may throw, and none receives a payload, a room name, a socket id or a session id.
 */
export interface TelemetryPort {
  /** A node has started; its gauges can be read from `source` until the returned function is called. */
  observe(source: TelemetrySource): () => void;
  /** A message is about to be published. Called in the caller's context; the result's `carrier` travels in the entry. */
  publish(message: PublishedMessage): PublishTelemetry;
  /** An outbox that was filled while Redis was away is being written. Links to the publications in it. */
  flush(stream: string, publications: readonly PublishTelemetry[]): OperationTelemetry;
  /** An XREAD came back. */
  poll(stream: string, result: PollResult): void;
  /** A poll brought entries. Called before the first of them is processed. */
  receive(stream: string, entries: readonly ReceivedMessage[]): ReceiveTelemetry;
  /** Entries that were read but not delivered, with the reason. */
  dropped(stream: string, reason: DropReason, count: number): void;
  /** An entry that was published twice was read a second time. */
  duplicate(stream: string): void;
  /** A request to the other nodes begins. */
  request(namespace: string, type: RequestType): RequestTelemetry;
  /** A heartbeat is about to be sent to `destination`. */
  heartbeatSent(destination: string): OperationTelemetry;
  /** A heartbeat of another node came in, `gapMs` after the last sign of life of it (`undefined` for its first). */
  heartbeatReceived(gapMs: number | undefined): void;
  /** The membership of the cluster changed. */
  transition(kind: TransitionKind, uid: string, clusterSize: number): void;
  /** A connection to Redis was lost; `end` is called once it is ready again or given up. */
  reconnect(role: ConnectionRole): OperationTelemetry;
  /** The session of a client is being saved. */
  persistSession(namespace: string): OperationTelemetry;
  /** A client came back with a session id. */
  restoreSession(namespace: string): RestoreTelemetry;
  /** Runs a Redis command of the adapter's own, so that no instrumentation of the client makes a span of it. */
  suppress<T>(run: () => T): T;
  /** Starts what outlives its caller (a loop, a timer, a connection), so that the caller's context does not stay active in it. */
  background<T>(run: () => T): T;
}

/** The type of a cluster message, as it appears in spans and metrics. */
export type MessageTypeName =
  | 'broadcast'
  | 'broadcast_with_ack'
  | 'sockets_join'
  | 'sockets_leave'
  | 'disconnect_sockets'
  | 'fetch_sockets'
  | 'server_side_emit'
  | 'server_side_emit_with_ack'
  | 'response'
  | 'unknown';

export type RequestType = 'fetch_sockets' | 'server_side_emit' | 'broadcast_with_ack';
export type PollResult = 'messages' | 'empty' | 'error';
export type DropReason = 'outbox_full' | 'decode_error' | 'gap' | 'handler_error' | 'expired';
export type TransitionKind = 'joined' | 'left' | 'lost';
export type ConnectionRole = 'writer' | 'reader' | 'subscriber';
export type ConnectionState = 'connecting' | 'ready' | 'reconnecting' | 'closed';
export type SessionOutcome = 'restored' | 'not_found' | 'expired' | 'trimmed' | 'invalid' | 'forbidden' | 'error';
export type SessionSource = 'memory' | 'redis';

/** Flat fields of trace context that travel in a stream entry. See https://www.w3.org/TR/trace-context/ */
export interface TraceCarrier {
  traceparent?: string;
  tracestate?: string;
}

export interface PublishedMessage {
  stream: string;
  namespace: string;
  type: MessageTypeName;
  roomCount: number;
  /** Redis is away: the message goes into the outbox. */
  deferred: boolean;
}

export interface PublishTelemetry {
  readonly carrier: TraceCarrier | undefined;
  /** The message is in the stream under `id`. */
  published(id: string): void;
  /** The message could not be published. */
  failed(error: unknown): void;
}

export interface OperationTelemetry {
  /** The operation is over, with the error if it failed. */
  end(error?: unknown): void;
}

export interface ReceivedMessage {
  /** Id of the stream entry. */
  id: string;
  uid: string;
  namespace: string;
  type: MessageTypeName;
  /** Published by this node itself. */
  own: boolean;
  carrier: TraceCarrier | undefined;
}

export interface ReceiveTelemetry {
  /**
   * Runs `deliver` for the entry, in the entry's context. `deliver` returns how many local sockets were served, or
   * `undefined` where that does not apply; what it throws is recorded and thrown on.
   */
  process(entry: ReceivedMessage, deliver: () => number | undefined): void;
  /** All entries of the poll are processed. */
  end(): void;
}

export interface RequestTelemetry {
  /** Sends the request in its own context, so that what it publishes belongs to it. */
  run<T>(send: () => T): T;
  /** The request is over: how many nodes were asked, how many answered. */
  end(expected: number, received: number, error?: unknown): void;
}

export interface RestoreTelemetry {
  end(result: {
    outcome: SessionOutcome;
    source: SessionSource | undefined;
    missedPackets: number;
    scannedEntries: number;
    error?: unknown;
  }): void;
}

/** What gauges read. Called now and then, never for a message. */
export interface TelemetrySource {
  readonly uid: string;
  /** Host and port of Redis, where known. */
  readonly server: { address: string | undefined; port: number | undefined };
  /** Keys of the streams that the node writes to and reads. */
  readonly streamNames: readonly string[];
  /** Nodes in the cluster, this one included; `undefined` for an emitter, which is no node and knows of none. */
  clusterSize(): number | undefined;
  /** Messages in the outbox that wait for `stream`. */
  outboxSize(stream: string): number;
  /** Whether `namespace` was created from a pattern or a function. */
  isDynamic(namespace: string): boolean;
  connectionStates(): ReadonlyArray<{ role: ConnectionRole; state: ConnectionState }>;
  /** Connected sockets of each namespace; `dynamic` for those created from a pattern or a function. */
  connections(): ReadonlyArray<{ namespace: string; dynamic: boolean; count: number }>;
  /** Asks Redis for each stream's length and ends; rejects while Redis is away. */
  streams(): Promise<ReadonlyArray<{ stream: string; length: number; lagMs: number; retentionMs: number }>>;
}

const noop = (): void => undefined;
const operation: OperationTelemetry = { end: noop };
const publication: PublishTelemetry = { carrier: undefined, published: noop, failed: noop };
const request: RequestTelemetry = { run: (send) => send(), end: noop };
const receipt: ReceiveTelemetry = {
  process: (_entry, deliver) => void deliver(),
  end: noop,
};

/** Records nothing. */
export const noopTelemetry: TelemetryPort = {
  observe: () => noop,
  publish: () => publication,
  flush: () => operation,
  poll: noop,
  receive: () => receipt,
  dropped: noop,
  duplicate: noop,
  request: () => request,
  heartbeatSent: () => operation,
  heartbeatReceived: noop,
  transition: noop,
  reconnect: () => operation,
  persistSession: () => operation,
  restoreSession: () => operation,
  suppress: (run) => run(),
  background: (run) => run(),
};
