/**
 * What the adapter tells about itself. The adapter calls this interface and knows nothing of OpenTelemetry; `src/telemetry`
 * implements it. No method may throw, and none receives a payload, a room name, a socket id or a session id.
 */
export interface TelemetryPort {
  /** A node has started; its gauges can be read from `source` until the returned function is called. */
  observe(source: TelemetrySource): () => void;
  /** A message is about to be published. Called in the caller's context; the result's `carrier` travels in the entry. */
  publish(message: PublishedMessage): PublishTelemetry;
  /**
   * Messages are being added to the stream, all that is under way at once. `waited` are their publications where they had to wait for
   * Redis, or are added once more; `undefined` where they were added as they were published.
   */
  write(stream: string, waited: readonly PublishTelemetry[] | undefined): OperationTelemetry;
  /** An XREAD came back. */
  poll(stream: string, result: PollResult): void;
  /** A poll brought messages, of which these are handed on together. Called before the first of them is processed. */
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
  /** Trace context to send along with what a node asks another one over a channel; `undefined` for none. */
  carry(): TraceCarrier | undefined;
  /** Runs what another node has asked for over a channel, in the context that came along. */
  within<T>(carrier: TraceCarrier, run: () => T): T;
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

/** What the other nodes are asked. */
export type RequestType = 'fetch_sockets' | 'server_side_emit' | 'broadcast_with_ack';
/** What an XREAD brought. */
export type PollResult = 'messages' | 'empty' | 'error';
/**
 * Why a message reached nobody: the outbox had no room (`outbox_full`), Redis takes none as large (`too_large`), the entry was malformed
 * (`decode_error`), it was trimmed away before it was read (`gap`), or a listener threw (`handler_error`).
 */
export type DropReason = 'outbox_full' | 'too_large' | 'decode_error' | 'gap' | 'handler_error';
/** How the membership changed: a node that was `lost` was silent for `heartbeatTimeout`. */
export type TransitionKind = 'joined' | 'left' | 'lost';
/** What a connection to Redis is for: commands, the waiting XREAD, or PUB/SUB. */
export type ConnectionRole = 'writer' | 'reader' | 'subscriber';
/** State of a connection to Redis. `closed` is for good. */
export type ConnectionState = 'connecting' | 'ready' | 'reconnecting' | 'closed';
/** What became of a client that came back with a session id. */
export type SessionOutcome = 'restored' | 'not_found' | 'trimmed' | 'invalid' | 'forbidden' | 'error';
/** Where the packets that a client had missed were found. */
export type SessionSource = 'memory' | 'redis';

/** Flat fields of trace context that travel in a stream entry. See https://www.w3.org/TR/trace-context/ */
export interface TraceCarrier {
  /** Ids of trace and span, and whether they are sampled. */
  traceparent?: string;
  /** What tracing systems add for themselves. */
  tracestate?: string;
}

/** A message that is about to be published. */
export interface PublishedMessage {
  /** Key of the stream. */
  stream: string;
  /** Namespace that it concerns. */
  namespace: string;
  /** What it tells the nodes to do. */
  type: MessageTypeName;
  /** Number of rooms that it is addressed to; 0 for everyone. */
  roomCount: number;
  /** Redis is away: the message goes into the outbox. */
  deferred: boolean;
}

/** One publication, until it is over. */
export interface PublishTelemetry {
  /** Trace context to send along; `undefined` for none. */
  readonly carrier: TraceCarrier | undefined;
  /** The message is in the outbox. */
  accepted(): void;
  /** The message is in the stream; `id` is as in {@link ReceivedMessage}. */
  published(id: string): void;
  /** The message could not be published, or was not {@link accepted}. */
  failed(error: unknown): void;
}

/** One operation, until it is over. */
export interface OperationTelemetry {
  /** The operation is over, with the error if it failed. */
  end(error?: unknown): void;
}

/** A message of the stream. */
export interface ReceivedMessage {
  /** Id of the stream entry, and, where other messages follow in it, a dot and the index of this one. */
  id: string;
  /** Node that published it. */
  uid: string;
  /** Namespace that it concerns. */
  namespace: string;
  /** What it tells the nodes to do. */
  type: MessageTypeName;
  /** Published by this node itself. */
  own: boolean;
  /** Trace context that came along; `undefined` for none. */
  carrier: TraceCarrier | undefined;
}

/** Messages that are handed on together, until all are processed. */
export interface ReceiveTelemetry {
  /**
   * Runs `deliver` for the entry, in the entry's context. `deliver` returns how many local sockets were served, or
   * `undefined` where that does not apply; what it throws is recorded and thrown on.
   */
  process(entry: ReceivedMessage, deliver: () => number | undefined): void;
  /** All entries of the poll are processed. */
  end(): void;
}

/** One request to the other nodes, until it is over. */
export interface RequestTelemetry {
  /** Sends the request in its own context, so that what it publishes belongs to it. */
  run<T>(send: () => T): T;
  /** The request is over: how many nodes were asked, how many answered. */
  end(expected: number, received: number, error?: unknown): void;
}

/** One attempt to restore a session, until it is over. */
export interface RestoreTelemetry {
  /** Runs the attempt in its own context, so that what it has other nodes do belongs to it. */
  run<T>(attempt: () => T): T;
  /** The attempt is over. */
  end(result: {
    /** What became of it. */
    outcome: SessionOutcome;
    /** Where the missed packets were found; `undefined` where they were not looked for. */
    source: SessionSource | undefined;
    /** Packets that the client had missed. */
    missedPackets: number;
    /** Entries that were looked at to find them. */
    scannedEntries: number;
    /** What failed, with the outcome `error`. */
    error?: unknown;
  }): void;
}

/** What gauges read. Called now and then, never for a message. */
export interface TelemetrySource {
  /** The node. */
  readonly uid: string;
  /** Host and port of Redis, where known. */
  readonly server: {
    /** Host name or address. */
    address: string | undefined;
    /** TCP port. */
    port: number | undefined;
  };
  /** Keys of the streams that the node writes to and reads. */
  readonly streamNames: readonly string[];
  /** Nodes in the cluster, this one included; `undefined` for an emitter, which is no node and knows of none. */
  clusterSize(): number | undefined;
  /** Messages in the outbox that wait for `stream`. */
  outboxSize(stream: string): number;
  /** Whether `namespace` was created from a pattern or a function. */
  isDynamic(namespace: string): boolean;
  /** State of each connection to Redis. */
  connectionStates(): ReadonlyArray<{
    /** What the connection is for. */
    role: ConnectionRole;
    /** Its state now. */
    state: ConnectionState;
  }>;
  /** Sockets of each namespace. */
  connections(): ReadonlyArray<{
    /** Name of the namespace. */
    namespace: string;
    /** Whether it was created from a pattern or a function. */
    dynamic: boolean;
    /** Sockets that are connected to it on this node. */
    count: number;
  }>;
  /** Asks Redis for each stream's length and ends; rejects while Redis is away. */
  streams(): Promise<
    ReadonlyArray<{
      /** Key of the stream. */
      stream: string;
      /** Entries in the stream. */
      length: number;
      /** How much older the last entry that was delivered is than the newest one, in milliseconds. */
      lagMs: number;
      /** How far back the stream reaches, in milliseconds. */
      retentionMs: number;
    }>
  >;
}

const noop = (): void => undefined;
const operation: OperationTelemetry = { end: noop };
const publication: PublishTelemetry = { carrier: undefined, accepted: noop, published: noop, failed: noop };
const request: RequestTelemetry = { run: (send) => send(), end: noop };
const restore: RestoreTelemetry = { run: (attempt) => attempt(), end: noop };
const receipt: ReceiveTelemetry = {
  process: (_entry, deliver) => void deliver(),
  end: noop,
};

/** Records nothing. */
export const noopTelemetry: TelemetryPort = {
  observe: () => noop,
  publish: () => publication,
  write: () => operation,
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
  restoreSession: () => restore,
  carry: () => undefined,
  within: (_carrier, run) => run(),
  suppress: (run) => run(),
  background: (run) => run(),
};
