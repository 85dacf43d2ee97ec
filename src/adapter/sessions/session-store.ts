import { setMaxListeners } from 'node:events';
import { withDeadline } from '../deadline.js';
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
  readonly #closing = new AbortController();

  constructor(
    private readonly connection: RedisConnection,
    private readonly prefix: string,
    listener: ClaimListener,
  ) {
    this.#claims = new SessionClaims(connection, prefix, listener);
    // all that are being written while Redis is away wait for it
    setMaxListeners(0, this.#closing.signal);
  }

  /** Sessions that have not been written yet. */
  get pending(): number {
    return this.#steps.size;
  }

  isPending(pid: string): boolean {
    return this.#steps.has(pid);
  }

  /** Writes a session that expires after `duration` ms. Redis may be away: it is written when it is back, unless it has expired by then. */
  save(pid: string, value: string, duration: number): Promise<void> {
    const expires = Date.now() + duration;
    const { signal: closing } = this.#closing;
    // Most are written at once: a timer for each, and a signal that the closing one remembers, would be dear.
    const signal =
      this.connection.state === 'ready'
        ? closing
        : AbortSignal.any([closing, AbortSignal.timeout(Math.min(duration, LONGEST_TIMER))]);
    const removeClaim = this.#claims.release(pid);
    return this.#step(pid, async () => {
      await this.#insist(() => {
        const rest = Math.max(1, expires - Date.now());
        // See https://redis.io/docs/latest/commands/set/
        return ['SET', this.#key(pid), value, 'PX', String(rest)];
      }, signal);
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
    this.#closing.abort(new Error('The adapter was closed.'));
    this.#claims.close();
  }

  #key(pid: string): string {
    return this.prefix + pid;
  }

  async #remove(key: string): Promise<void> {
    await this.#insist(() => ['DEL', key], this.#closing.signal);
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
