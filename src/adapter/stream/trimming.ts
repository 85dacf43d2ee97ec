import { streamIdTime } from './stream-id.js';

/** What a stream keeps: its last `maxLen` entries, those of the last `maxAge` ms, or, with both, those that are within both. */
export interface Retention {
  maxLen?: number | undefined;
  maxAge?: number | undefined;
}

/** Where in `XADD key strategy ~ threshold *` they stand. */
const STRATEGY = 2;
const THRESHOLD = 4;

/**
 * Keeps a stream short by what is added to it. See https://redis.io/docs/latest/commands/xadd/
 *
 * An XADD takes one strategy: where there are two, they take turns. How old an entry is, the ids tell, which are of Redis' clock: that
 * of this machine may be another.
 */
export class Trimming {
  readonly #maxLen: string | undefined;
  readonly #maxAge: number | undefined;
  /** Entries with ids below may go. */
  #oldest = '0';

  constructor({ maxLen, maxAge }: Retention) {
    this.#maxLen = maxLen === undefined ? undefined : String(maxLen);
    this.#maxAge = maxAge;
  }

  /** What stands between the name of the stream and the id of a new entry. */
  arguments(): string[] {
    return this.#maxLen === undefined ? ['MINID', '~', this.#oldest] : ['MAXLEN', '~', this.#maxLen];
  }

  /** Brings the command of entry `seq` up to date, which may have waited for long. */
  refresh(command: string[], seq: number): void {
    if (this.#maxAge === undefined) return;
    const byAge = this.#maxLen === undefined || seq % 2 === 0;
    command[STRATEGY] = byAge ? 'MINID' : 'MAXLEN';
    command[THRESHOLD] = byAge ? this.#oldest : this.#maxLen!;
  }

  /** An entry was added. */
  added(id: string): void {
    if (this.#maxAge !== undefined) this.#oldest = String(Math.max(0, streamIdTime(id) - this.#maxAge));
  }

  /** It may be another Redis from now on, whose clock is behind: by that of the former, what is added there would be old at once. */
  forget(): void {
    this.#oldest = '0';
  }
}
