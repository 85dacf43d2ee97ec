/** Messages that never arrived. */
export interface Loss {
  /** How many, without those that are counted already. */
  missed: number;
  /** They are part of a gap that was told of before they were come upon. */
  told: boolean;
}

/** What a sequence number says about the entry that carries it. */
export type Arrival = { duplicate: true } | ({ duplicate: false } & Loss);

const FRESH: Arrival = { duplicate: false, missed: 0, told: false };
const NOTHING: Loss = { missed: 0, told: false };
const DUPLICATE: Arrival = { duplicate: true };

/** Numbers, both ends included. */
interface Hole {
  from: number;
  to: number;
}

interface Publisher {
  /** The number of its last message. */
  seq: number;
  /** Numbers below `seq` that have not arrived, in order. */
  holes: Hole[];
  /** The next hole was told of before it was come upon. */
  holeExpected: boolean;
  /** The number of the message that it was last found to lack. */
  missing: number | undefined;
}

/** Publishers remembered; far above the number of nodes that a cluster can have within the life of a stream. */
const MOST_PUBLISHERS = 10_000;

/** Holes remembered of each publisher: the lowest, as that is where a publisher goes on whose numbers were used by somebody else. */
const MOST_HOLES = 64;

/**
 * Tells entries that were published twice, and holes left by messages that never arrived.
 *
 * Each publisher numbers its messages from 1 and publishes them in order, in entries of one or more, and again from the first entry that
 * it is not sure of. So what arrives with a number that is not above the last one is a repetition, unless it is in a hole: somebody else
 * may have used a number that the publisher has not come to yet, and must not make this node deaf to it.
 */
export class Deduplicator {
  /** By publisher, those whose last entry is the oldest first. */
  readonly #last = new Map<string, Publisher>();
  /** Messages, of all publishers, that were counted as missing before their holes were come upon. */
  #expected = 0;

  /** @param known the numbers of the last messages of publishers: what is not above them is from before this node's time. */
  constructor(known: Iterable<readonly [publisher: string, seq: number]> = []) {
    for (const [publisher, seq] of known) this.#remember(publisher, seq, []);
  }

  /** An entry of `count` messages came, the first of which has the number `seq`. */
  arrive(publisher: string, seq: number, count = 1): Arrival {
    const known = this.#last.get(publisher);
    const last = seq + count - 1;
    if (known === undefined) {
      this.#remember(publisher, last, seq > 1 ? [{ from: 1, to: seq - 1 }] : []);
      return FRESH;
    }
    if (last <= known.seq) return fills(known.holes, { from: seq, to: last }) ? FRESH : DUPLICATE;
    // somebody else has used one of its numbers: no entry of the publisher's own repeats a part of another
    if (seq <= known.seq) {
      this.#remember(publisher, last, known.holes);
      return FRESH;
    }
    const hole = { from: known.seq + 1, to: seq - 1 };
    const loss = this.#lossOf(known, seq - known.seq - 1);
    this.#remember(publisher, last, hole.from <= hole.to ? [...known.holes, hole].slice(0, MOST_HOLES) : known.holes);
    return loss === NOTHING ? FRESH : { duplicate: false, ...loss };
  }

  /** The number of the publisher's last message; 0 when none has arrived. */
  last(publisher: string): number {
    return this.#last.get(publisher)?.seq ?? 0;
  }

  /** Whether message `seq` of a publisher that is known has not arrived. Says so once a message: one that is lost never arrives. */
  misses(publisher: string, seq: number): boolean {
    const known = this.#last.get(publisher);
    if (known === undefined) return false;
    if (seq <= known.seq) {
      // it has lost nothing so far: what it lacks later is another loss
      known.holeExpected = false;
      return false;
    }
    if (seq === known.missing) return false;
    known.missing = seq;
    return true;
  }

  /** Whether message `seq` has not arrived since {@link misses} said so. */
  stillMisses(publisher: string, seq: number): boolean {
    const known = this.#last.get(publisher);
    return known !== undefined && seq > known.seq && seq === known.missing;
  }

  /** Message `seq` and those before it that have not arrived are lost. */
  writeOff(publisher: string, seq: number): Loss {
    const known = this.#last.get(publisher);
    if (known === undefined || seq <= known.seq) return NOTHING;
    const loss = this.#lossOf(known, seq - known.seq);
    this.#remember(publisher, seq, [...known.holes, { from: known.seq + 1, to: seq }].slice(0, MOST_HOLES));
    return loss;
  }

  /** A gap was told of, and `count` messages of it are counted, one for each entry: the next hole of each publisher is part of it. */
  expectHoles(count: number): void {
    this.#expected += count;
    for (const known of this.#last.values()) known.holeExpected = true;
  }

  /** What has not arrived so far is not for this node: it is from before its time, or from before the stream began anew. */
  forgetHoles(): void {
    for (const known of this.#last.values()) known.holes = [];
  }

  #lossOf({ holeExpected }: Publisher, missing: number): Loss {
    if (missing === 0) return NOTHING;
    // told of now: what the others turn out to lack next was lost with it
    if (!holeExpected) this.expectHoles(0);
    const counted = holeExpected ? Math.min(missing, this.#expected) : 0;
    this.#expected -= counted;
    return { missed: missing - counted, told: holeExpected };
  }

  #remember(publisher: string, seq: number, holes: Hole[]): void {
    this.#last.delete(publisher);
    this.#last.set(publisher, { seq, holes, holeExpected: false, missing: undefined });
    if (this.#last.size > MOST_PUBLISHERS) {
      const oldest = this.#last.keys().next();
      if (!oldest.done) this.#last.delete(oldest.value);
    }
  }
}

/** Whether these numbers were in a hole, which they no longer are. */
function fills(holes: Hole[], { from, to }: Hole): boolean {
  const index = holes.findIndex((hole) => hole.from <= from && to <= hole.to);
  if (index === -1) return false;
  const hole = holes[index]!;
  const rest = [
    { from: hole.from, to: from - 1 },
    { from: to + 1, to: hole.to },
  ];
  holes.splice(index, 1, ...rest.filter((one) => one.from <= one.to));
  holes.length = Math.min(holes.length, MOST_HOLES);
  return true;
}
