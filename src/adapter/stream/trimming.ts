import { comparePositions, FIRST_POSITION, laterPosition, streamIdTime } from './stream-id.js';

/** What a stream keeps: its last `maxLen` messages, those of the last `maxAge` ms, or, with both, those that are within both. */
export interface Retention {
  maxLen?: number | undefined;
  maxAge?: number | undefined;
}

/** Where in `XADD key strategy ~ threshold *` they stand. */
const STRATEGY = 2;
const THRESHOLD = 4;

/** Into how many parts the messages that are to be kept are divided, to find the entry from which on they are kept. */
const PARTS = 100;

/** Messages up to an entry and behind the mark before it. */
interface Mark {
  id: string;
  messages: number;
}

/**
 * Keeps a stream short by what is added to it. See https://redis.io/docs/latest/commands/xadd/
 *
 * Redis counts entries, which hold one message or several: `MAXLEN` keeps enough of them, and `MINID` lets go of what more than `maxLen`
 * messages are known to stand behind. An XADD takes one strategy, so they take turns.
 *
 * How old an entry is, the ids tell, which are of Redis' clock: that of this machine may be another.
 */
export class Trimming {
  readonly #maxLen: number;
  readonly #maxAge: number | undefined;
  /** Entries before this one may go, as they are too old. */
  #expired = FIRST_POSITION;
  /** Entries before this one may go, as there are enough messages behind it. */
  #surplus = FIRST_POSITION;
  /** What is by length this time is by id the next. */
  #byLength = false;
  #marks: Mark[] = [];
  /** Messages in all marks. */
  #marked = 0;

  constructor({ maxLen, maxAge }: Retention) {
    this.#maxLen = maxLen ?? Number.POSITIVE_INFINITY;
    this.#maxAge = maxAge;
  }

  /** What stands between the name of the stream and the id of a new entry. */
  arguments(): string[] {
    const least = laterPosition(this.#expired, this.#surplus);
    const byId = this.#maxLen === Number.POSITIVE_INFINITY || (least !== FIRST_POSITION && !this.#byLength);
    return byId ? ['MINID', '~', least] : ['MAXLEN', '~', String(this.#maxLen)];
  }

  /** Brings the command of an entry up to date, which may have waited for long. */
  refresh(command: string[]): void {
    this.#byLength = !this.#byLength;
    const [strategy, , threshold] = this.arguments();
    command[STRATEGY] = strategy!;
    command[THRESHOLD] = threshold!;
  }

  /** An entry was added. */
  added(id: string): void {
    if (this.#maxAge !== undefined) this.#expired = `${Math.max(0, streamIdTime(id) - this.#maxAge)}-0`;
  }

  /** An entry of so many messages is in the stream, behind those that were told of before. */
  passed(id: string, messages: number): void {
    if (this.#maxLen === Number.POSITIVE_INFINITY) return;
    let last = this.#marks.at(-1);
    // the stream began anew
    if (last !== undefined && comparePositions(id, last.id) <= 0) {
      this.#forgetMarks();
      last = undefined;
    }
    this.#marked += messages;
    if (last === undefined || last.messages >= this.#maxLen / PARTS) this.#marks.push({ id, messages });
    else {
      last.id = id;
      last.messages += messages;
    }
    while (this.#marked - this.#marks[0]!.messages >= this.#maxLen) {
      const { id: surplus, messages: gone } = this.#marks.shift()!;
      this.#surplus = surplus;
      this.#marked -= gone;
    }
  }

  /** It may be another Redis from now on, whose clock is behind: by that of the former, what is added there would be old at once. */
  forget(): void {
    this.#expired = FIRST_POSITION;
    this.#forgetMarks();
  }

  #forgetMarks(): void {
    this.#surplus = FIRST_POSITION;
    this.#marks = [];
    this.#marked = 0;
  }
}
