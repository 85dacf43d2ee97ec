import { toError } from '../errors.js';
import { reconnectDelay, type RedisArgument, type RedisConnection } from '../redis/driver.js';

/** How long a node may hold a session that it restores; after a crash the session is free again, in milliseconds. */
const CLAIM_DURATION = 10_000;

/**
 * The sessions in Redis, as key/value with expiry.
 *
 * Whatever is done to one session is done in order. Each step may be repeated, so a lost connection, which leaves open whether
 * Redis has done it, is no trouble.
 */
export class SessionStore {
  /** Session to what is still to be done to it. */
  readonly #steps = new Map<string, Promise<void>>();
  /** Sessions that this node has claimed, and when. */
  readonly #claims = new Map<string, number>();
  readonly #closing = new AbortController();

  constructor(
    private readonly connection: RedisConnection,
    private readonly prefix: string,
  ) {}

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
      this.connection.state === 'ready' ? closing : AbortSignal.any([closing, AbortSignal.timeout(duration)]);
    const removeClaim = this.#claimRemoval(pid);
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
  async claim(pid: string, token: string, signal: AbortSignal): Promise<boolean> {
    let since = 0;
    const claim = (): RedisArgument[] => {
      since = performance.now();
      return ['SET', this.#claimKey(pid), token, 'NX', 'PX', String(CLAIM_DURATION)];
    };
    const claimed =
      (await this.#insist(claim, signal)) === 'OK' ||
      // our own claim, when the reply to it was lost
      (await this.#insist(() => ['GET', this.#claimKey(pid)], signal)) === token;
    if (claimed) this.#claims.set(pid, since);
    return claimed;
  }

  /** The session as it was written; `null` when there is none. */
  load(pid: string, signal: AbortSignal): Promise<unknown> {
    return this.#insist(() => ['GET', this.#key(pid)], signal);
  }

  /** Gives a claim back: the session is there for the next try. */
  release(pid: string): Promise<void> {
    return this.#step(pid, this.#claimRemoval(pid));
  }

  /** Gives every claim back: this node will restore no session any more. */
  releaseAll(): void {
    for (const pid of [...this.#claims.keys()]) void this.release(pid).catch(() => undefined);
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
    return this.#step(pid, () => this.#remove(this.#key(pid)));
  }

  /** The client has left for good. */
  discard(pid: string): Promise<void> {
    const removeClaim = this.#claimRemoval(pid);
    return this.#step(pid, async () => {
      await this.#remove(this.#key(pid));
      await removeClaim();
    });
  }

  /** Resolves when everything asked for so far is done, of one session or of all. */
  async settled(pid?: string): Promise<void> {
    await (pid === undefined ? Promise.all(this.#steps.values()) : this.#steps.get(pid));
  }

  /** Gives up what is not done yet. */
  close(): void {
    this.#closing.abort(new Error('The adapter was closed.'));
  }

  #key(pid: string): string {
    return this.prefix + pid;
  }

  #claimKey(pid: string): string {
    return `${this.prefix}${pid}:claim`;
  }

  /** What removes this node's claim, if it has one. */
  #claimRemoval(pid: string): () => Promise<void> {
    const since = this.#claims.get(pid);
    this.#claims.delete(pid);
    return async () => {
      // one that has expired may be somebody else's by now
      if (since === undefined || performance.now() - since > CLAIM_DURATION) return;
      await this.#remove(this.#claimKey(pid));
    };
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

  /** Sends a command until Redis has answered it, or `signal` is aborted. */
  async #insist(command: () => RedisArgument[], signal: AbortSignal): Promise<unknown> {
    for (let failures = 0; ; failures++) {
      await this.connection.whenReady(signal);
      signal.throwIfAborted();
      try {
        return await this.connection.send(command());
      } catch (error) {
        if (this.connection.state === 'closed' || signal.aborted) throw toError(error);
        if (this.connection.state === 'ready') await pause(reconnectDelay(failures));
      }
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
