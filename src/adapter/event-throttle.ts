const INTERVAL = 60_000;

/** Reasons that are told of by themselves; some are made of what comes from elsewhere. */
const MOST_REASONS = 100;

const FURTHER = 'further reasons, too many to be named';

/** Reports what may happen for every packet at once the first time, and then once a minute at most, with how often it happened. */
export class EventThrottle {
  readonly #counts = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(private readonly report: (reason: string, count: number) => void) {}

  count(reason: string): void {
    const named = reason.slice(0, 400);
    const kind = this.#counts.has(named) || this.#counts.size < MOST_REASONS ? named : FURTHER;
    if (this.#timer === undefined && !this.#closed) {
      this.#timer = setInterval(() => this.#flush(), INTERVAL);
      this.#timer.unref();
    }
    const before = this.#counts.get(kind);
    if (before === undefined) {
      this.#counts.set(kind, 0);
      this.report(kind, 1);
    } else {
      this.#counts.set(kind, before + 1);
    }
  }

  /** Reports what is not reported yet. What happens from now on is reported the first time only. */
  close(): void {
    this.#closed = true;
    this.#flush();
    clearInterval(this.#timer);
  }

  #flush(): void {
    for (const [reason, count] of this.#counts) {
      if (count === 0) {
        this.#counts.delete(reason);
      } else {
        this.#counts.set(reason, 0);
        this.report(reason, count);
      }
    }
    if (this.#counts.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
