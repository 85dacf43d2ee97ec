import { setMaxListeners } from 'node:events';
import type { RedisConnection } from '../redis/driver.js';
import { withDeadline } from '../deadline.js';
import { insist } from './insist.js';

/** How long a claim outlasts the node that made it, in milliseconds. */
export const CLAIM_DURATION = 10_000;

/** Share of its duration after which a claim is renewed. */
const RENEWAL = 1 / 3;

export interface ClaimListener {
  /** A claim is about to be renewed. It is not, if it is released now. */
  onRenewal(pid: string): void;
  /** A claim lapsed, as Redis was away or this process was stopped: somebody else may have restored the session. */
  onLost(pid: string): void;
}

interface Claim {
  token: string;
  /** When it was last sure to be there. */
  confirmed: number;
  timer: NodeJS.Timeout | undefined;
  /** It is renewed no more. */
  expiring?: boolean;
}

/**
 * Who may restore a session. A claim is the first in a list of tokens, of which everybody removes none but their own: so a claim that
 * lapsed cannot take with it that of the next one. A string would need a script for that, and those are forbidden in many places.
 */
export class SessionClaims {
  readonly #claims = new Map<string, Claim>();
  readonly #underWay = new Set<Promise<boolean>>();
  readonly #closing = new AbortController();
  #retired = false;

  constructor(
    private readonly connection: RedisConnection,
    private readonly prefix: string,
    private readonly listener: ClaimListener,
    private readonly duration = CLAIM_DURATION,
  ) {
    // all that are renewed or given back while Redis is away wait for it
    setMaxListeners(0, this.#closing.signal);
  }

  /** Takes a session, and keeps it until it is given back; `false` while somebody else has it. */
  acquire(pid: string, token: string, signal: AbortSignal): Promise<boolean> {
    const acquired = this.#acquire(pid, token, signal);
    this.#underWay.add(acquired);
    const over = (): unknown => this.#underWay.delete(acquired);
    acquired.then(over, over);
    return acquired;
  }

  /** Whether the session is sure to be this node's alone at this moment. */
  holds(pid: string): boolean {
    const claim = this.#claims.get(pid);
    return claim !== undefined && performance.now() - claim.confirmed < this.duration;
  }

  /** Whether this node has taken the session and not given it back. */
  has(pid: string): boolean {
    return this.#claims.has(pid);
  }

  /** Takes no session any more, and returns those that were taken and not given back. */
  retire(): string[] {
    this.#retired = true;
    return [...this.#claims.keys()];
  }

  /** Resolves when nothing is being taken any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  /** Renews the claim no more, which stays for as long as it lasts. */
  expire(pid: string): void {
    const claim = this.#claims.get(pid);
    if (claim === undefined) return;
    claim.expiring = true;
    clearTimeout(claim.timer);
  }

  /** Forgets the claim at once, and returns what removes it from Redis. */
  release(pid: string): () => Promise<void> {
    const claim = this.#claims.get(pid);
    if (claim === undefined) return () => Promise.resolve();
    this.#forget(pid, claim);
    return () => this.#leave(pid, claim.token);
  }

  close(): void {
    for (const { timer } of this.#claims.values()) clearTimeout(timer);
    this.#closing.abort(new Error('The adapter was closed.'));
  }

  async #acquire(pid: string, token: string, signal: AbortSignal): Promise<boolean> {
    if (this.#retired) return false;
    let claimed = false;
    try {
      const confirmed = await this.#enter(pid, token, signal);
      claimed = confirmed !== undefined && !this.#retired;
      if (claimed) this.#keep(pid, { token, confirmed: confirmed!, timer: undefined });
    } finally {
      // Also when it is not known whether Redis has heard of it: what takes the claim back goes the same way behind it. A Redis that says
      // nothing does both when it goes on, and is not waited for.
      if (!claimed) await withDeadline(this.#leave(pid, token), signal);
    }
    return claimed;
  }

  /** Since when the claim is this node's; `undefined` when it is not. */
  async #enter(pid: string, token: string, signal: AbortSignal): Promise<number | undefined> {
    const key = this.#key(pid);
    let sent = 0;
    const enter = (): Promise<unknown[]> => {
      sent = performance.now();
      return this.connection.transaction([
        ['RPUSH', key, token],
        // Those who come in vain must not prolong the claim of a node that is dead. See https://redis.io/docs/latest/commands/pexpire/
        ['PEXPIRE', key, String(this.duration), 'NX'],
        ['LINDEX', key, '0'],
      ]);
    };
    const entered = insist(this.connection, enter, signal);
    const [length, , holder] = await withDeadline(entered, signal);
    if (holder !== token) return undefined;
    // entered before, and the reply was lost: some of its time is over
    return Number(length) === 1 ? sent : withDeadline(this.#confirm(pid, token, signal), signal);
  }

  async #confirm(pid: string, token: string, signal: AbortSignal): Promise<number | undefined> {
    const key = this.#key(pid);
    let sent = 0;
    const confirm = (): Promise<unknown[]> => {
      sent = performance.now();
      return this.connection.transaction([
        ['PEXPIRE', key, String(this.duration)],
        ['LINDEX', key, '0'],
      ]);
    };
    const [, holder] = await insist(this.connection, confirm, signal);
    return holder === token ? sent : undefined;
  }

  async #leave(pid: string, token: string): Promise<void> {
    const leave = (): Promise<unknown> => this.connection.send(['LREM', this.#key(pid), '0', token]);
    await insist(this.connection, leave, this.#closing.signal);
  }

  #keep(pid: string, claim: Claim): void {
    clearTimeout(this.#claims.get(pid)?.timer);
    this.#claims.set(pid, claim);
    this.#renewLater(pid, claim);
  }

  #renewLater(pid: string, claim: Claim): void {
    claim.timer = setTimeout(() => void this.#renew(pid, claim).catch(() => undefined), this.duration * RENEWAL);
    claim.timer.unref();
  }

  async #renew(pid: string, claim: Claim): Promise<void> {
    this.listener.onRenewal(pid);
    const isKept = (): boolean => this.#claims.get(pid) === claim && claim.expiring !== true;
    if (!isKept()) return;
    const confirmed = await this.#confirm(pid, claim.token, this.#closing.signal);
    if (!isKept()) return;
    if (confirmed === undefined) {
      this.#forget(pid, claim);
      this.listener.onLost(pid);
      return;
    }
    claim.confirmed = confirmed;
    this.#renewLater(pid, claim);
  }

  #forget(pid: string, claim: Claim): void {
    clearTimeout(claim.timer);
    this.#claims.delete(pid);
  }

  #key(pid: string): string {
    return `${this.prefix}${pid}:claim`;
  }
}
