import type { EventEmitter } from 'node:events';
import { Logger } from '@nestjs/common';
import {
  createAdapter,
  type AdapterFactory,
  type EmitterEvents,
  type EventSubscriptions,
  type RedisClient,
  type RedisStreamsAdapterOptions,
  type RedisStreamsEvents,
} from '../adapter/index.js';
import { toError } from '../adapter/errors.js';
import { containedEvents } from '../adapter/events.js';
import { createTelemetry, type HandlerTelemetry } from '../telemetry/index.js';
import type { TelemetryPort } from '../adapter/telemetry-port.js';
import { EVENT_NAMES, logEvent } from './event-log.js';
import type { ManagedServer } from './managed-server.js';
import type { RedisStreamsModuleOptions, SocketServerAddress } from './module-options.js';
import { validateModuleOptions } from './module-options.validation.js';
import { describeServer, isMainServer, scopeOf, serverAddress } from './server-options.js';
import type { SocketIoServer } from './socket-io.types.js';

/** The Socket.IO servers of one module instance: one adapter each, up together, down together. */
export class SocketServers {
  /** What happens on any of the servers. */
  readonly events = containedEvents((name, { message, stack }) =>
    this.#logger.error(`A listener of the event \`${name}\` failed: ${message}`, stack),
  );
  /** Traces the handlers of gateways; `undefined` when telemetry is off. */
  readonly telemetry: (TelemetryPort & HandlerTelemetry) | undefined;

  readonly #servers = new Map<SocketIoServer, ManagedServer>();
  readonly #logger: Logger;
  #started = false;
  #stopping = false;

  constructor(
    readonly client: RedisClient,
    readonly options: RedisStreamsModuleOptions,
    name: string | undefined,
  ) {
    this.#logger = new Logger(name === undefined ? 'RedisStreamsModule' : `RedisStreamsModule(${name})`);
    this.telemetry = options.telemetry === false ? undefined : createTelemetry(options.telemetry);
  }

  /** Where the server of the gateways is that set neither port nor path. */
  get mainAddress(): SocketServerAddress {
    return serverAddress(0, this.options.serverOptions?.path);
  }

  get all(): readonly ManagedServer[] {
    return [...this.#servers.values()];
  }

  get(server: SocketIoServer): ManagedServer | undefined {
    return this.#servers.get(server);
  }

  /**
   * Makes the adapter of the server at `address`.
   *
   * @throws if there is such a server already: Nest makes one only for each port and path.
   */
  createAdapter(address: SocketServerAddress): AdapterFactory {
    if (this.all.some((other) => other.address.port === address.port && other.address.path === address.path)) {
      throw new Error(
        `There is a Socket.IO server on ${describeServer(address)} already. Make sure that gateways which set the path in ` +
          'their decorator and gateways which take it from `serverOptions.path` do not come to the same one.',
      );
    }
    const adapter = createAdapter(this.client, this.adapterOptions(address));
    this.relay(adapter.events, isMainServer(address) ? '' : describeServer(address));
    return adapter;
  }

  /** Options of the adapter of the server at `address`. */
  adapterOptions(address: SocketServerAddress): RedisStreamsAdapterOptions {
    const scope = scopeOf(address, this.options.scope);
    return {
      ...validateModuleOptions(this.options),
      ...(scope !== undefined && { scope }),
      ...(this.telemetry && { telemetry: this.telemetry }),
    };
  }

  add(managed: ManagedServer): void {
    this.#servers.set(managed.server, managed);
    // The application runs already, and start() is not called again.
    if (this.#started) {
      this.#open([managed]).catch((error: unknown) => this.#logger.error(toError(error)));
    }
  }

  /** Waits until every adapter is ready, and only then lets clients in on the ports of gateways. */
  async start(): Promise<void> {
    this.#started = true;
    await this.#open(this.all);
  }

  /** Whether a stop has begun. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Load balancers are to send clients elsewhere; those that come all the same are still let in. */
  announceStop(): void {
    this.#stopping = true;
  }

  /** Lets no more clients in, and hands those that are there over to other nodes, over `drainTimeout`. */
  async drain(): Promise<void> {
    await Promise.all(this.all.map((managed) => managed.drain(this.options.drainTimeout ?? 0)));
  }

  /** Closes the servers that are still open. */
  async stop(): Promise<void> {
    this.#started = false;
    const results = await Promise.allSettled(this.all.map((managed) => managed.close({ awaitHttp: false })));
    this.#servers.clear();
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async #open(servers: readonly ManagedServer[]): Promise<void> {
    await Promise.all(servers.map((managed) => managed.ready()));
    await Promise.all(servers.map((managed) => managed.listen()));
  }

  /** Logs what happens on the server called `label`, and tells the listeners; what they throw is theirs alone. */
  relay(events: EventSubscriptions<EmitterEvents>, label: string): void {
    const relay = <K extends keyof RedisStreamsEvents>(name: K): void => {
      (events as EventSubscriptions<RedisStreamsEvents>).on(name, (event: RedisStreamsEvents[K][0]) => {
        logEvent(this.#logger, label, name, event);
        (this.events as EventEmitter).emit(name, event);
      });
    };
    EVENT_NAMES.forEach(relay);
  }
}
