import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { MessageType } from 'socket.io-adapter';
import { Answering } from './cluster/answering.js';
import { Bus, type BusMessage } from './cluster/bus.js';
import { Census } from './cluster/census.js';
import { ForeignNodes, UNEXPECTED_PEER } from './cluster/foreign-nodes.js';
import type { ClusterLayout } from './cluster/layout.js';
import { Membership } from './cluster/membership.js';
import { openCarrier } from './cluster/open-carrier.js';
import { Requests } from './cluster/requests.js';
import { UnheardNodes } from './cluster/unheard-nodes.js';
import { withDeadline } from './deadline.js';
import { SessionDesk } from './sessions/session-desk.js';
import { AdapterClosedError, InvalidOptionError, RedisUnavailableError, toError } from './errors.js';
import { EventThrottle } from './event-throttle.js';
import type { RedisStreamsEvents } from './events.js';
import type { ResolvedOptions } from './options.js';
import { OverflowAlarm } from './overflow-alarm.js';
import { reconnectDelay, serverText, type RedisConnection, type RedisDriver } from './redis/driver.js';
import type { RedisStreamsAdapter } from './redis-streams-adapter.js';
import { SessionStore } from './sessions/session-store.js';
import { longestLife, type StoredSession } from './sessions/session.js';
import { watchConnection } from './redis/watch-connection.js';
import { Refusals } from './refusals.js';
import { RetentionWatch } from './retention-watch.js';
import { gauges, type NodeSnapshot, snapshot } from './snapshot.js';
import { WriteBatching } from './write-batching.js';
import { StreamLog, type StreamLogListener } from './stream/stream-log.js';
import type { TelemetryPort } from './telemetry-port.js';
import { pause } from './timers.js';
import type { StreamMessage } from './wire/message.js';

/** A Server of Socket.IO as a node of the cluster: its connections, its place in the log, its neighbours, its namespaces. */
export class ClusterNode {
  readonly uid = randomBytes(8).toString('hex');
  readonly since = Date.now();
  readonly adapters = new Map<string, RedisStreamsAdapter>();
  readonly requests = new Requests();
  readonly writeBatching = new WriteBatching();
  readonly log: StreamLog;
  readonly bus: Bus;
  readonly membership: Membership;
  readonly foreign: ForeignNodes;
  readonly answering: Answering;
  readonly sessions: SessionStore;
  readonly census = new Census(this);
  /** The connection for commands; the stream is read, and channels are listened to, on others. */
  readonly commands: RedisConnection;
  readonly telemetry: TelemetryPort;
  /** Whether clients that come back are recovered. */
  readonly recovers: boolean;

  readonly #desk: SessionDesk;
  readonly #unheard: UnheardNodes;
  readonly #connections: RedisConnection[];
  readonly #reports: EventThrottle;
  readonly #mismatches: EventThrottle;
  readonly #unsaved: EventThrottle;
  readonly #refusals: Refusals;
  #joining: Promise<void> | undefined;
  #joined = false;
  #joinError: Error | undefined;
  #refuse: ((error: Error) => void) | undefined;
  /** Rejects when the other nodes do not let this one join. */
  readonly #refusal = new Promise<never>((_resolve, reject) => (this.#refuse = reject));
  #closed: Promise<void> | undefined;
  readonly #unobserve: () => void;

  constructor(
    readonly driver: RedisDriver,
    readonly options: ResolvedOptions,
    /** How long a client may be away and be recovered; `undefined` where none is. */
    maxDisconnectionDuration: number | undefined,
    readonly events: EventEmitter<RedisStreamsEvents>,
  ) {
    this.telemetry = options.telemetry;
    this.recovers = maxDisconnectionDuration !== undefined;
    const reader = driver.open('reader');
    this.commands = driver.open('writer');
    const { commands } = this;
    const { carrier, incoming, side } = openCarrier(driver, { commands, reader }, options);
    this.#connections = [...new Set([commands, reader, incoming])];
    for (const connection of this.#connections) watchConnection(connection, events, this.telemetry);
    this.#reports = new EventThrottle((reason, count) => events.emit('messageDropped', { reason, count }));
    this.#mismatches = new EventThrottle((reason, count) => events.emit('nodeMismatch', { reason, count }));
    this.#unsaved = new EventThrottle((reason, count) => events.emit('sessionNotSaved', { reason, count }));
    this.#refusals = new Refusals(events);
    this.bus = new Bus(carrier, options.channelPrefix, (reason) => this.#reports.count(reason));
    const lifetime = longestLife(maxDisconnectionDuration ?? 0, options);
    this.sessions = new SessionStore(this.commands, options.sessionKeyPrefix, lifetime, {
      onRenewal: (pid) => this.#desk.review(pid),
      onLost: (pid) => this.#desk.lost(pid),
    });
    this.#desk = new SessionDesk(this);
    // sessions are restored also where no entry is to be remembered; nothing fits in one byte
    const recentMaxBytes = this.recovers ? Math.max(1, options.recentMaxBytes) : 0;
    const log = { ...options, uid: this.uid, recentMaxBytes };
    const alarm = new OverflowAlarm(events, this.#reports, () => this.log.writer);
    const retention = new RetentionWatch(events, maxDisconnectionDuration);
    const listener: StreamLogListener = {
      onMessage: (message) => this.#onMessage(message),
      onFailed: (reason, error) => this.#reports.count(`${reason}: ${toError(error).message}`),
      onPeer: () => this.#mismatches.count(UNEXPECTED_PEER),
      onGap: (stream, from, to, missed) => void events.emit('gap', { stream, from, to, missed }),
      onReset: (stream, position) => void events.emit('streamReset', { stream, position }),
      onOverflow: (limit) => alarm.raise(limit),
      onTooLarge: (reason) => this.#reports.count(`larger than Redis takes (${reason})`),
      onRefused: (command, reason) => this.#refusals.count(command, reason),
      onInfo: (stream, info) => retention.check(stream, info),
    };
    this.log = new StreamLog(commands, reader, log, this.telemetry, listener, side);
    const { streamName, streamCount, streamBy } = options;
    const layout: ClusterLayout = {
      streamName,
      streamCount,
      streamBy,
      // some clients tell only once they are connected
      get database() {
        return driver.database;
      },
    };
    const own = { ...options, uid: this.uid, layout };
    this.membership = new Membership(this.bus, own, this.telemetry, () => this.log.writer.published(), {
      onJoined: (uid, clusterSize) => void events.emit('nodeJoined', { uid, clusterSize }),
      onLeft: (uid, reason, clusterSize) => {
        this.requests.nodeLost(uid);
        events.emit('nodeLeft', { uid, reason, clusterSize });
      },
      onHeartbeat: (uid, heartbeat) => this.log.compare(uid, heartbeat.published),
      onStranger: ({ message }) => this.#mismatches.count(message),
      // a connection that died without a word is noticed by nobody else: nothing is ever sent on it
      onDeaf: () => incoming.state === 'ready' && incoming.interrupt(),
      onRefused: (reason) => this.#refusals.count(carrier.command, reason),
    });
    this.#unheard = new UnheardNodes(options, this.membership, (reason) => this.#mismatches.count(reason));
    this.answering = new Answering(this.bus, commands, { ...options, uid: this.uid }, (uid) =>
      this.membership.members.has(uid),
    );
    this.foreign = new ForeignNodes(this.bus, this.uid, options.interop, {
      onRequest: (namespace, uid, type, data) => this.adapters.get(namespace)?.onForeignRequest(uid, type, data),
      onMessage: (message) => this.#onBusMessage(message),
    });
    this.#unobserve = this.telemetry.observe(gauges(this, this.#connections));
    incoming.on('ready', () => this.#joined && this.membership.resume());
  }

  /**
   * Resolves when the node is in the cluster: its place in the stream is known, it is subscribed, and the others know of it.
   *
   * @throws {RedisUnavailableError} when that takes longer than `readyTimeout`.
   * @throws {InvalidOptionError} when the other nodes have streams that this one does not read.
   */
  async ready(): Promise<void> {
    if (this.#joined) return;
    this.#joining ??= this.#join();
    // nobody may be waiting for it any more when it fails
    this.#joining.catch(() => undefined);
    this.#refusal.catch(() => undefined);
    const { readyTimeout } = this.options;
    try {
      const joining = Promise.race([this.#joining, this.#refusal]);
      await withDeadline(joining, AbortSignal.timeout(readyTimeout));
    } catch (error) {
      const clear = error instanceof AdapterClosedError || error instanceof InvalidOptionError;
      throw clear ? error : this.#unavailable(readyTimeout, error);
    }
  }

  attach(adapter: RedisStreamsAdapter): void {
    const { name } = adapter.nsp;
    this.adapters.set(name, adapter);
    void this.foreign.join(name);
  }

  /** A namespace was closed. With the last one, the node leaves the cluster. */
  async detach(adapter: RedisStreamsAdapter): Promise<void> {
    const { name } = adapter.nsp;
    if (this.adapters.get(name) === adapter) {
      this.adapters.delete(name);
      void this.foreign.leave(name);
    }
    if (this.adapters.size === 0) await this.close();
  }

  /** Saves what is to be saved, says farewell, and lets Redis go. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Whether the node has left the cluster, or is about to. */
  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** Whether the node is in the cluster. */
  get joined(): boolean {
    return this.#joined && !this.closed;
  }

  /** The other nodes. */
  others(): string[] {
    return [...this.membership.members.keys()];
  }

  /** Code of the application threw while a message was handled: that costs this message, and is told. */
  handlerFailed(error: unknown): void {
    this.#reports.count(`handler_error: ${toError(error).message}`);
  }

  /** A client of the namespace will not be recovered. */
  sessionNotSaved(namespace: string, error: unknown): void {
    this.#unsaved.count(`namespace '${namespace}': ${toError(error).message}`);
  }

  /** See {@link SessionDesk.claim}. */
  claimSession(pid: string, signal: AbortSignal): Promise<StoredSession | undefined> {
    return this.#desk.claim(pid, signal);
  }

  snapshot(): NodeSnapshot {
    return snapshot(this, this.#connections);
  }

  /** Joins the cluster, however long it takes Redis to be there: a Server that was not waited for joins later. */
  async #join(): Promise<void> {
    for (let failures = 0; ; failures++) {
      try {
        await Promise.all(this.#connections.map((connection) => connection.whenReady()));
        // before anyone can know of this node: who is known is asked through the stream, and has to answer
        await this.log.start();
        await this.bus.subscribe(this.bus.clusterChannel, (message) => this.#onBusMessage(message));
        await this.bus.subscribe(this.bus.nodeChannel(this.uid), (message) => this.#onBusMessage(message));
        await this.membership.join();
        break;
      } catch (error) {
        if (this.closed) throw error;
        this.#joinError = toError(error);
        // those that are in the way may leave, but nobody is to wait for that
        if (error instanceof InvalidOptionError) this.#refuse?.(error);
        await pause(reconnectDelay(failures));
      }
    }
    if (this.closed) {
      this.membership.stop();
      throw new AdapterClosedError('The adapter was closed while it joined the cluster.');
    }
    this.#joined = true;
    if (this.recovers && this.options.sessions === 'crash-safe') this.#desk.keepSessions();
  }

  #unavailable(readyTimeout: number, error: unknown): RedisUnavailableError {
    const lost = this.#connections.find(({ lastError }) => lastError !== undefined);
    const cause = lost?.lastError ?? this.#joinError ?? toError(error);
    return new RedisUnavailableError(
      `Could not join the cluster over ${serverText(this.driver)} within ${readyTimeout} ms: ${cause.message || cause.name}. ` +
        'Make sure that Redis runs and accepts the credentials, or raise `readyTimeout`.',
      { cause },
    );
  }

  async #close(): Promise<void> {
    const { shutdownTimeout } = this.options;
    this.#desk.stop();
    this.membership.stop();
    const farewell = async (): Promise<void> => {
      this.sessions.retire();
      await Promise.all([this.log.writer.drained(), this.sessions.settled()]);
      await this.membership.leave();
      // of clients that were cut off meanwhile
      await this.sessions.settled();
    };
    await withDeadline(farewell(), AbortSignal.timeout(shutdownTimeout)).catch(() => undefined);
    this.requests.closeAll();
    this.sessions.close();
    this.log.close();
    this.#reports.close();
    this.#mismatches.close();
    this.#unsaved.close();
    this.#refusals.close();
    for (const connection of this.#connections) connection.close();
    this.#unobserve();
  }

  #onMessage(message: StreamMessage): number | undefined {
    const { uid, namespace, requestId, own } = message;
    if (!own && !this.membership.alive(uid)) this.#unheard.published(message);
    const adapter = this.adapters.get(namespace);
    if (adapter) return adapter.onMessage(message);
    // Nobody is to wait for a node that does not have the namespace.
    if (!own && requestId !== undefined) {
      void this.answering.send({ uid, namespace, foreign: false }, MessageType.SERVER_SIDE_EMIT_RESPONSE, {
        requestId,
        absent: true,
      });
    }
    return 0;
  }

  #onBusMessage(message: BusMessage): void {
    const { uid, type, data } = message;
    const { requestId } = (data ?? {}) as { requestId?: unknown };
    this.#unheard.heard(uid);
    switch (type) {
      case MessageType.INITIAL_HEARTBEAT:
      case MessageType.HEARTBEAT:
      case MessageType.ADAPTER_CLOSE:
        return this.membership.receive(message);
      case MessageType.FETCH_SOCKETS_RESPONSE:
      case MessageType.SERVER_SIDE_EMIT_RESPONSE:
      case MessageType.BROADCAST_CLIENT_COUNT:
      case MessageType.BROADCAST_ACK:
        this.membership.alive(uid);
        if (typeof requestId === 'string') this.requests.answer(requestId, uid, { ...(data as object), type });
        return;
      default:
        if (this.#desk.receive(message) || this.census.receive(message)) return;
        this.#reports.count(`unknown message type ${String(type)} on a channel`);
    }
  }
}
