import { setMaxListeners } from 'node:events';
import { withDeadline } from '../deadline.js';
import { toError } from '../errors.js';
import type { RedisArgument, RedisConnection } from '../redis/driver.js';
import { LONGEST_TIMER } from '../timers.js';
import { insist } from './insist.js';
import { SessionClaims, type ClaimListener } from './session-claims.js';

/**
 * The sessions in Redis, as key/value with expiry.
 *
 * Whatever is done to one session is done in order. Each step may be repeated, so a lost connection, which leaves open whether
 * Redis has done it, is no trouble.
 */
export class SessionStore {
  /** Session to what is still to be done to it. */
  readonly #steps = new Map<string, Promise<void>>();
  readonly #claims: SessionClaims;
  /** What waits for Redis, and is given up when it has expired. */
  readonly #waiting = new Set<AbortController>();
  readonly #closing = new AbortController();

  constructor(
    private readonly connection: RedisConnection,
    private readonly prefix: string,
    /** The longest that a session is in Redis, in milliseconds. */
    private readonly lifetime: number,
    listener: ClaimListener,
  ) {
    this.#claims = new SessionClaims(connection, prefix, listener);
    // all that is asked while Redis is away waits for it
    setMaxListeners(0, this.#closing.signal);
  }

  /** Sessions that have not been written yet. */
  get pending(): number {
    return this.#steps.size;
  }

  isPending(pid: string): boolean {
    return this.#steps.has(pid);
  }

  /**
   * Writes a session that expires after `duration` ms. Redis may be away, or refuse it: it is written when Redis takes it, unless it has
   * expired by then.
   */
  save(pid: string, value: string, duration: number): Promise<void> {
    const expires = performance.now() + duration;
    const removeClaim = this.#claims.release(pid);
    return this.#step(pid, async () => {
      await this.#write(pid, value, expires);
      await removeClaim();
    });
  }

  /**
   * Takes a session, so that it is used once; `false` while somebody else has it. The session stays where it is until {@link use}, for
   * the case that it cannot be restored after all.
   */
  claim(pid: string, token: string, signal: AbortSignal): Promise<boolean> {
    return this.#claims.acquire(pid, token, signal);
  }

  /** Whether this node, and nobody else, may use the session at this moment. */
  holds(pid: string): boolean {
    return this.#claims.holds(pid);
  }

  /** The session as it was written; `null` when there is none. */
  load(pid: string, signal: AbortSignal): Promise<unknown> {
    return withDeadline(
      this.#insist(() => ['GET', this.#key(pid)], signal),
      signal,
    );
  }

  /** Gives a claim back: the session is there for the next try. */
  release(pid: string): Promise<void> {
    return this.#step(pid, this.#claims.release(pid));
  }

  /** Gives every claim back: this node will restore no session any more. */
  retire(): void {
    for (const pid of this.#claims.retire()) void this.release(pid).catch(() => undefined);
  }

  /** Whether this node has taken the session and not given it back. */
  isClaimed(pid: string): boolean {
    return this.#claims.has(pid);
  }

  /**
   * The session was restored. The claim on it stays, for as long as it lasts, until the session is written again: for those who look
   * for the session meanwhile it is taken, and not unknown.
   */
  use(pid: string): Promise<void> {
    this.#claims.expire(pid);
    return this.#step(pid, () => this.#remove(this.#key(pid)));
  }

  /** The client has left for good. */
  discard(pid: string): Promise<void> {
    const removeClaim = this.#claims.release(pid);
    return this.#step(pid, async () => {
      await this.#remove(this.#key(pid));
      await removeClaim();
    });
  }

  /** Resolves when everything asked for so far is done, of one session or of all. */
  async settled(pid?: string): Promise<void> {
    await (pid === undefined ? Promise.all([...this.#steps.values(), this.#claims.settled()]) : this.#steps.get(pid));
  }

  /** Gives up what is not done yet. */
  close(): void {
    const reason = new Error('The adapter was closed.');
    this.#closing.abort(reason);
    for (const waiting of this.#waiting) waiting.abort(reason);
    this.#claims.close();
  }

  #key(pid: string): string {
    return this.prefix + pid;
  }

  async #write(pid: string, value: string, expires: number): Promise<void> {
    const rest = (): string => String(Math.ceil(expires - performance.now()));
    // See https://redis.io/docs/latest/commands/set/
    await this.#until(expires, () => this.connection.send(['SET', this.#key(pid), value, 'PX', rest()]));
  }

  /** Redis removes it by itself when it has expired. */
  async #remove(key: string): Promise<void> {
    await this.#until(performance.now() + this.lifetime, () => this.connection.send(['DEL', key]));
  }

  /** Asks Redis until it has answered, or the session of which it is has expired. */
  async #until(expires: number, ask: () => Promise<unknown>): Promise<void> {
    let failure: unknown;
    const attempt = async (): Promise<void> => {
      if (performance.now() >= expires) throw new ExpiredError(failure);
      await ask().catch((error: unknown) => {
        failure = error;
        throw error;
      });
    };
    this.#closing.signal.throwIfAborted();
    // Most is done at once: a timer for each would be dear.
    if (this.connection.state === 'ready') {
      try {
        return await attempt();
      } catch (error) {
        if (this.#closing.signal.aborted || error instanceof ExpiredError) throw error;
      }
    }
    // They do not listen to the signal of the store: it takes longer to add a listener the more of them it has.
    const waiting = new AbortController();
    const expire = (): void => waiting.abort(new ExpiredError(failure));
    const timer = setTimeout(expire, Math.min(expires - performance.now(), LONGEST_TIMER)).unref();
    this.#waiting.add(waiting);
    try {
      await insist(this.connection, attempt, waiting.signal, (error) => error instanceof ExpiredError);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(waiting);
    }
  }

  #step(pid: string, run: () => Promise<void>): Promise<void> {
    const before = this.#steps.get(pid) ?? Promise.resolve();
    const step = before.then(run, run);
    // one that failed does not hold up the next
    const done = step
      .catch(() => undefined)
      .then(() => {
        if (this.#steps.get(pid) === done) this.#steps.delete(pid);
      });
    this.#steps.set(pid, done);
    step.catch(() => undefined);
    return step;
  }

  #insist(command: () => RedisArgument[], signal: AbortSignal): Promise<unknown> {
    return insist(this.connection, () => this.connection.send(command()), signal);
  }
}

class ExpiredError extends Error {
  constructor(cause: unknown) {
    const why = cause === undefined ? '' : `: ${toError(cause).message}`;
    super(`The session expired before it could be written${why}`, { cause });
  }
}
