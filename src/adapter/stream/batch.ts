/** After so many in a row, it may be an entry of the batch by which the connection is lost. */
const MOST_LOSSES = 3;

/** Messages that go, or went, to Redis as one entry. What may have arrived is sent again just so, or readers would not know it again. */
export interface Sealed<Waiting> {
  readonly command: string[];
  /** Number of the last of its messages. */
  readonly seq: number;
  readonly messages: readonly Waiting[];
  /** It was sent, and nobody knows whether it arrived. */
  doubtful: boolean;
}

/**
 * Numbers messages, and holds those that are under way, or were and have to be sent again. They are sent as a whole, but one by one once
 * Redis does not take them together, so that one that it never takes costs none of the others.
 */
export class Batch<Waiting> {
  #entries: Array<Sealed<Waiting>> = [];
  #size = 0;
  #lastSeq = 0;
  #oneByOne = false;
  #losses = 0;

  /** @param commandOf makes the command that adds an entry of these messages, the first of which has the number `seq`. */
  constructor(private readonly commandOf: (seq: number, messages: readonly Waiting[]) => string[]) {}

  /** How many messages it holds. */
  get size(): number {
    return this.#size;
  }

  /** The number of the last message that was given one. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  get messages(): Waiting[] {
    return this.#entries.flatMap(({ messages }) => messages);
  }

  /** What is sent in one go. */
  get next(): ReadonlyArray<Sealed<Waiting>> {
    return this.#oneByOne ? this.#entries.slice(0, 1) : this.#entries;
  }

  /** Adds an entry of these messages. */
  add(messages: readonly Waiting[]): void {
    this.#entries.push(this.#sealed(this.#lastSeq + 1, messages));
    this.#lastSeq += messages.length;
    this.#size += messages.length;
  }

  /** So many of its entries have arrived. */
  arrived(count: number): void {
    for (const { messages } of this.#entries.slice(0, count)) this.#size -= messages.length;
    // not in place: whoever has sent them goes through them
    this.#entries = this.#entries.slice(count);
    this.#losses = 0;
    if (this.#entries.length === 0) this.#oneByOne = false;
  }

  /** {@link next} was sent, and it is not known what of it arrived. */
  doubt(): void {
    for (const one of this.next) one.doubtful = true;
  }

  /** As {@link doubt}: the connection was lost. */
  lost(): void {
    this.doubt();
    if (++this.#losses >= MOST_LOSSES) this.#oneByOne = true;
  }

  /** {@link next} was sent, and Redis does not take what is as large. Returns the message that it is about, which is given up, once that is known. */
  tooLarge(): Waiting | undefined {
    const [first, ...others] = this.next;
    if (others.length > 0) {
      this.#oneByOne = true;
      return undefined;
    }
    const { seq, messages, doubtful } = first!;
    if (messages.length > 1) {
      const before = seq - messages.length;
      const alone = messages.map((one, index) => ({ ...this.#sealed(before + index + 1, [one]), doubtful }));
      this.#entries = [...alone, ...this.#entries.slice(1)];
      this.#oneByOne = true;
      return undefined;
    }
    this.#giveUpFirst();
    return messages[0];
  }

  clear(): void {
    this.#entries = [];
    this.#size = 0;
  }

  /** Readers would take a number that is left out for a loss. It goes to the next message, unless readers may have seen that with its own. */
  #giveUpFirst(): void {
    const known = !this.#entries.some(({ doubtful }) => doubtful);
    this.arrived(1);
    if (!known) return;
    this.#lastSeq--;
    this.#entries = this.#entries.map(({ seq, messages }) => this.#sealed(seq - messages.length, messages));
  }

  #sealed(seq: number, messages: readonly Waiting[]): Sealed<Waiting> {
    return { command: this.commandOf(seq, messages), seq: seq + messages.length - 1, messages, doubtful: false };
  }
}
