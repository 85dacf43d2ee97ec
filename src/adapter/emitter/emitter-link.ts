import { randomBytes } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { withDeadline } from '../deadline.js';
import { AdapterClosedError, RedisUnavailableError, toError } from '../errors.js';
import { EventThrottle } from '../event-throttle.js';
import { containedEvents, type RedisStreamsEvents } from '../events.js';
import type { ResolvedOptions } from '../options.js';
import { OverflowAlarm } from '../overflow-alarm.js';
import { serverText, type RedisConnection, type RedisDriver } from '../redis/driver.js';
import { Refusals } from '../refusals.js';
import { watchConnection } from '../redis/watch-connection.js';
import { StreamWriter } from '../stream/stream-writer.js';
import type { ConnectionState, TelemetrySource } from '../telemetry-port.js';
import { EMITTER, type EncodedMessage } from '../wire/message.js';

/** The state of an emitter at one moment. */
export interface EmitterSnapshot {
  /** State of its connection to Redis. */
  state: ConnectionState;
  /** Messages that wait for Redis. */
  outboxSize: number;
  /** How full the outbox is, from 0 to 1: by number or by bytes, whichever is more. */
  outboxFill: number;
}

/** The way of an emitter to the log. It is opened when it is first used. */
export class EmitterLink {
  readonly events: EventEmitter<RedisStreamsEvents> = containedEvents();
  readonly #reports: EventThrottle;
  readonly #refusals = new Refusals(this.events);
  #connection: RedisConnection | undefined;
  #writer: StreamWriter | undefined;
  #unobserve: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    private readonly driver: RedisDriver,
    private readonly options: ResolvedOptions,
  ) {
    this.#reports = new EventThrottle((reason, count) => this.events.emit('messageDropped', { reason, count }));
  }

  get onlyPlaintext(): boolean {
    return this.options.onlyPlaintext;
  }

  /** `undefined` before it is used. */
  snapshot(): EmitterSnapshot | undefined {
    if (this.#connection === undefined || this.#writer === undefined) return undefined;
    return { state: this.#connection.state, outboxSize: this.#writer.size, outboxFill: this.#writer.fill };
  }

  /** Resolves with the message's position once it is in the log. */
  publish(namespace: string, message: EncodedMessage, rooms: readonly string[]): Promise<string> {
    const published = new Promise<string>((resolve, reject) => {
      if (this.#closed) return reject(new AdapterClosedError('Cannot publish: the emitter was closed.'));
      this.#open().publish(namespace, message, rooms, (error, id) => {
        if (error) reject(error);
        else resolve(id!);
      });
    });
    // Who does not wait for it is told by an event; an outage of Redis must not end the process.
    published.catch(() => undefined);
    return published;
  }

  async ready(): Promise<void> {
    if (this.#closed) throw new AdapterClosedError('Cannot connect: the emitter was closed.');
    this.#open();
    const connection = this.#connection!;
    const { readyTimeout } = this.options;
    try {
      await connection.whenReady(AbortSignal.timeout(readyTimeout));
    } catch (error) {
      if (error instanceof AdapterClosedError) throw error;
      const cause = connection.lastError ?? toError(error);
      throw new RedisUnavailableError(
        `The emitter could not connect to ${serverText(this.driver)} within ${readyTimeout} ms: ` +
          `${cause.message || cause.name}. Make sure that Redis runs and accepts the credentials, or raise \`readyTimeout\`.`,
        { cause },
      );
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const writer = this.#writer;
    if (writer === undefined) return;
    await withDeadline(writer.drained(), AbortSignal.timeout(this.options.shutdownTimeout)).catch(() => undefined);
    this.#unobserve?.();
    writer.close();
    this.#reports.close();
    this.#refusals.close();
    this.#connection?.close();
  }

  #open(): StreamWriter {
    if (this.#writer) return this.#writer;
    const { driver, options, events } = this;
    const { telemetry } = options;
    this.#connection = driver.open('writer');
    watchConnection(this.#connection, events, telemetry);
    const alarm = new OverflowAlarm(events, this.#reports, () => writer);
    const publisher = randomBytes(8).toString('hex');
    const writer = new StreamWriter(this.#connection, { ...options, uid: EMITTER, publisher }, telemetry, {
      // what others publish an emitter does not see: it keeps enough of its own, and the nodes, which see everything, what is enough in all
      onPublished: (stream, _seq, id, count) => writer.passed(stream, id, count),
      onOverflow: (limit) => alarm.raise(limit),
      onTooLarge: (reason) => this.#reports.count(`larger than Redis takes (${reason})`),
      onRefused: (reason) => this.#refusals.count('XADD', reason),
    });
    writer.start();
    this.#writer = writer;
    this.#unobserve = telemetry.observe(this.#gauges(this.#connection, writer));
    return writer;
  }

  #gauges(connection: RedisConnection, writer: StreamWriter): TelemetrySource {
    return {
      uid: EMITTER,
      server: this.driver.server,
      streamNames: writer.routing.streams,
      clusterSize: () => undefined,
      outboxSize: (stream) => writer.sizeOf(stream),
      isDynamic: () => false,
      connectionStates: () => [{ role: connection.role, state: connection.state }],
      connections: () => [],
      streams: () => Promise.resolve([]),
    };
  }
}
