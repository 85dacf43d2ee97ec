import { deadlineSignal, withDeadline } from '../deadline.js';
import { RedisUnavailableError, toError } from '../errors.js';
import type { ConnectionRole, ConnectionState, TelemetryPort } from '../telemetry-port.js';
import {
  PartialTransactionError,
  reconnectDelay,
  type ChannelListener,
  type RedisArgument,
  type RedisConnection,
} from './driver.js';
import type { Link, OpenLink } from './link.js';
import { closedError, Readiness } from './readiness.js';
import { watched } from './watched-link.js';

/** Longest time that one attempt to connect may take, in milliseconds. */
const ATTEMPT_TIMEOUT = 10_000;

/** What a server says that is no master any more: it writes nothing, and has ended the read that waited. */
const DEMOTED = /^(?:READONLY |UNBLOCKED .*instance state changed)/;

/** A connection to one place, over one link after the other, with whatever client library makes them. */
export class Connection implements RedisConnection {
  lastError: Error | undefined;

  readonly #readiness = new Readiness();
  /** What is to be listened to. */
  readonly #channels = new Map<string, ChannelListener>();
  /** What is listened to over the present link, or about to be. */
  #subscribed = new Map<string, Promise<void>>();
  /** Subscriptions that are being ended over the present link: one to the same channel has to wait for that. */
  #ending = new Map<string, Promise<unknown>>();
  #link: Link | undefined;
  #attempt = new AbortController();
  /** Attempts in a row that have failed. */
  #failures = 0;
  /** Servers in a row that were taken for the master and are none. */
  #demotions = 0;
  /** What they have refused: one that takes a command of these is a master, and one that takes others may be none. */
  readonly #refused = new Set<RedisArgument>();
  readonly #open: OpenLink;

  constructor(
    readonly role: ConnectionRole,
    open: OpenLink,
    private readonly telemetry: Pick<TelemetryPort, 'suppress' | 'background'>,
    /** Called when the server turns out to be no master any more, and the connection is being made anew. */
    private readonly onDemoted?: () => void,
  ) {
    this.#open = watched(open, telemetry);
    this.#start();
  }

  get state(): ConnectionState {
    return this.#readiness.state;
  }

  /** Where the present link leads to. */
  get address(): string | undefined {
    return this.#link?.address;
  }

  forKey(): this {
    return this;
  }

  send(args: readonly RedisArgument[]): Promise<unknown> {
    return this.#use(args, (link) => link.send(args));
  }

  sendForBuffers(args: readonly RedisArgument[]): Promise<unknown> {
    return this.#use(args, (link) => link.sendForBuffers(args));
  }

  transaction(commands: ReadonlyArray<readonly RedisArgument[]>): Promise<unknown[]> {
    return this.#use(commands[0]!, async (link) => {
      // Sent in one go, so nothing comes between them; when the connection breaks, each of them is rejected.
      const replies = [['MULTI'], ...commands, ['EXEC']].map((command) => link.send(command));
      const settled = await Promise.allSettled(replies);
      const refused = settled.find((reply) => reply.status === 'rejected');
      if (refused) throw toError((refused as PromiseRejectedResult).reason);
      const results = (settled.at(-1) as PromiseFulfilledResult<unknown>).value as unknown[];
      const failed = results.find((result) => result instanceof Error);
      if (failed) throw new PartialTransactionError(failed);
      return results;
    });
  }

  async subscribe(channel: string, listener: ChannelListener): Promise<void> {
    // asked for once more, because it was not confirmed, it is still the same subscription
    if (!this.#channels.has(channel)) this.#channels.set(channel, listener);
    await this.whenReady();
    if (this.#link) await this.#listen(this.#link, channel);
  }

  async unsubscribe(channel: string): Promise<void> {
    if (!this.#channels.delete(channel)) return;
    // a link that is still being made is compared with the channels once it is there
    const link = this.#link;
    if (link === undefined || !this.#subscribed.delete(channel)) return;
    await this.#end(link, channel);
  }

  whenReady(signal?: AbortSignal): Promise<void> {
    return this.#readiness.whenReady(signal);
  }

  interrupt(): void {
    if (this.state !== 'closed') this.#restart(undefined);
  }

  close(): void {
    if (!this.#readiness.close()) return;
    this.#attempt.abort(closedError());
    this.#link?.destroy();
    this.#link = undefined;
  }

  on(event: 'ready' | 'lost', listener: (error?: Error) => void): void {
    this.#readiness.on(event, listener);
  }

  async #use<T>([command]: readonly RedisArgument[], run: (link: Link) => Promise<T>): Promise<T> {
    const link = this.#link;
    if (link === undefined) throw this.state === 'closed' ? closedError() : notReady(this.lastError);
    try {
      const reply = await this.telemetry.suppress(() => run(link));
      if (this.#demotions > 0 && this.#refused.has(command!)) this.#onMaster();
      return reply;
    } catch (error) {
      const reason = toError(error);
      if (DEMOTED.test(reason.message) && this.#link === link) this.#onDemotion(command!, reason);
      throw error;
    }
  }

  #onMaster(): void {
    this.#demotions = 0;
    this.#refused.clear();
  }

  /** The master became a replica. Its address may lead to the new master by now, and Sentinel knows it. */
  #onDemotion(command: RedisArgument, error: Error): void {
    this.lastError = error;
    this.#demotions++;
    this.#refused.add(command);
    this.#restart(error);
    this.onDemoted?.();
  }

  #start(): void {
    const attempt = (this.#attempt = new AbortController());
    this.telemetry.background(() => void this.#connect(attempt));
  }

  /** A connection is ready once its subscriptions are: what is published from then on is received. */
  async #connect(attempt: AbortController): Promise<void> {
    const { signal } = attempt;
    let link: Link | undefined;
    let deadline: ReturnType<typeof deadlineSignal> | undefined;
    try {
      const failures = this.#failures + this.#demotions;
      if (failures > 0) await pause(reconnectDelay(failures - 1), signal);
      deadline = deadlineSignal(ATTEMPT_TIMEOUT, `Redis did not answer within ${ATTEMPT_TIMEOUT} ms`, signal);
      link = await this.#open((error) => this.#onLost(attempt, error), deadline.signal);
      signal.throwIfAborted();
      this.#subscribed = new Map();
      this.#ending = new Map();
      await withDeadline(this.#listenToAll(link), deadline.signal);
      signal.throwIfAborted();
    } catch (error) {
      link?.destroy();
      // given up for another attempt, or for good
      if (signal.aborted) return;
      this.lastError = toError(error);
      this.#failures++;
      this.#start();
      return;
    } finally {
      deadline?.clear();
    }
    this.#link = link;
    this.#failures = 0;
    this.lastError = undefined;
    this.#dropUnwanted(link);
    this.#readiness.ready();
  }

  #onLost(attempt: AbortController, error: Error): void {
    if (attempt !== this.#attempt || attempt.signal.aborted) return;
    this.lastError = error;
    this.#failures++;
    this.#restart(error);
  }

  #restart(error: Error | undefined): void {
    this.#attempt.abort();
    const link = this.#link;
    this.#link = undefined;
    link?.destroy();
    this.#start();
    this.#readiness.lost(error);
  }

  async #listenToAll(link: Link): Promise<void> {
    await Promise.all([...this.#channels.keys()].map((channel) => this.#listen(link, channel)));
  }

  #listen(link: Link, channel: string): Promise<void> {
    const known = this.#subscribed.get(channel);
    const listener = this.#channels.get(channel);
    if (known || !listener) return known ?? Promise.resolve();
    const subscribed = this.#subscribed;
    const subscribe = (): Promise<void> => this.telemetry.suppress(() => link.subscribe(channel, listener));
    const subscription = this.#ending.get(channel)?.then(subscribe) ?? subscribe();
    subscribed.set(channel, subscription);
    subscription.catch(() => subscribed.delete(channel));
    return subscription;
  }

  #dropUnwanted(link: Link): void {
    for (const channel of [...this.#subscribed.keys()]) {
      if (this.#channels.has(channel)) continue;
      this.#subscribed.delete(channel);
      this.#end(link, channel).catch(() => undefined);
    }
  }

  #end(link: Link, channel: string): Promise<void> {
    const ended = this.telemetry.suppress(() => link.unsubscribe(channel));
    const ending = ended.catch(() => undefined).finally(() => this.#ending.delete(channel));
    this.#ending.set(channel, ending);
    return ended;
  }
}

function notReady(cause: Error | undefined): RedisUnavailableError {
  return new RedisUnavailableError('The connection to Redis is being made, and takes no commands yet.', { cause });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(toError(signal.reason));
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
