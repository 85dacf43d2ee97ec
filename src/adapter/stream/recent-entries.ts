import type { StreamMessage } from '../wire/message.js';
import { comparePositions } from './stream-id.js';

/** What an entry takes in memory beyond its data, roughly, in bytes. */
const OVERHEAD = 400;

/**
 * The broadcasts of one stream that this node has read last, for clients that come back. What is older is in Redis.
 */
export class RecentEntries {
  #entries: Array<StreamMessage | undefined> = [];
  /** Entries before this index are forgotten; the array is compacted now and then instead of at each. */
  #start = 0;
  #bytes = 0;
  #from: string;

  constructor(
    position: string,
    private readonly maxLen: number,
    private readonly maxBytes: number,
  ) {
    this.#from = position;
  }

  /** Every broadcast after this id, up to the position of the reader, is here. */
  get from(): string {
    return this.#from;
  }

  get size(): number {
    return this.#entries.length - this.#start;
  }

  add(entry: StreamMessage): void {
    // read once more, from the beginning of a stream that was restarted
    if (comparePositions(entry.id, this.#from) <= 0) return;
    this.#entries.push(entry.detach());
    this.#bytes += sizeOf(entry);
    while (this.size > this.maxLen || (this.#bytes > this.maxBytes && this.size > 0)) this.#forget();
    if (this.#start > 1_024 && this.#start * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#start);
      this.#start = 0;
    }
  }

  /** The stream is not continuous at `position`: what is before it can no longer be vouched for. */
  restart(position: string): void {
    this.#entries = [];
    this.#start = 0;
    this.#bytes = 0;
    this.#from = position;
  }

  /** The entries after `id`, oldest first. */
  *after(id: string): Generator<StreamMessage> {
    let low = this.#start;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (comparePositions(this.#entries[middle]!.id, id) <= 0) low = middle + 1;
      else high = middle;
    }
    for (let i = low; i < this.#entries.length; i++) yield this.#entries[i]!;
  }

  #forget(): void {
    const forgotten = this.#entries[this.#start]!;
    this.#entries[this.#start++] = undefined;
    this.#bytes -= sizeOf(forgotten);
    this.#from = forgotten.id;
  }
}

function sizeOf(entry: StreamMessage): number {
  return entry.data.length + OVERHEAD;
}
