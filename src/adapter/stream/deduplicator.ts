/** What a sequence number says about the entry that carries it. */
export type Arrival = { duplicate: true } | { duplicate: false; missed: number };

const FRESH: Arrival = { duplicate: false, missed: 0 };
const DUPLICATE: Arrival = { duplicate: true };

/** Numbers, both ends included. */
interface Hole {
  from: number;
  to: number;
}

interface Publisher {
  /** The number of its last entry. */
  seq: number;
  /** Numbers below `seq` that have not arrived, in order. */
  holes: Hole[];
  /** The next hole was reported before it was come upon. */
  holeExpected: boolean;
  /** The number of the entry that it was last found to lack. */
  missing: number | undefined;
}

/** Publishers remembered; far above the number of nodes that a cluster can have within the life of a stream. */
const MOST_PUBLISHERS = 10_000;

/** Holes remembered of each publisher: the lowest, as that is where a publisher goes on whose numbers were used by somebody else. */
const MOST_HOLES = 64;

/**
 * Tells entries that were published twice, and holes left by entries that never arrived.
 *
 * Each publisher numbers its entries from 1 and publishes them in order, and again from the first that it is not sure of. So what
 * arrives with a number that is not above the last one is a repetition, unless it is in a hole: somebody else may have used a number
 * that the publisher has not come to yet, and must not make this node deaf to it.
 */
export class Deduplicator {
  /** By publisher, those whose last entry is the oldest first. */
  readonly #last = new Map<string, Publisher>();
  /** Entries, of all publishers, that were reported as missing before their holes were come upon. */
  #expected = 0;

  arrive(publisher: string, seq: number): Arrival {
    const known = this.#last.get(publisher);
    if (known === undefined) {
      this.#remember(publisher, seq, seq > 1 ? [{ from: 1, to: seq - 1 }] : []);
      return FRESH;
    }
    if (seq <= known.seq) return fills(known.holes, seq) ? FRESH : DUPLICATE;
    const hole = { from: known.seq + 1, to: seq - 1 };
    const missed = this.#unreported(known, seq - known.seq - 1);
    this.#remember(publisher, seq, hole.from <= hole.to ? [...known.holes, hole].slice(0, MOST_HOLES) : known.holes);
    return missed === 0 ? FRESH : { duplicate: false, missed };
  }

  /** The number of the publisher's last entry; 0 when none has arrived. */
  last(publisher: string): number {
    return this.#last.get(publisher)?.seq ?? 0;
  }

  /** Whether entry `seq` of a publisher that is known has not arrived. Says so once an entry: one that is lost never arrives. */
  misses(publisher: string, seq: number): boolean {
    const known = this.#last.get(publisher);
    if (known === undefined || seq <= known.seq || seq === known.missing) return false;
    known.missing = seq;
    return true;
  }

  /** Whether entry `seq` has not arrived since {@link misses} said so. */
  stillMisses(publisher: string, seq: number): boolean {
    const known = this.#last.get(publisher);
    return known !== undefined && seq > known.seq && seq === known.missing;
  }

  /** Entry `seq` and those before it that have not arrived are lost. Returns how many of them were not reported before. */
  writeOff(publisher: string, seq: number): number {
    const known = this.#last.get(publisher);
    if (known === undefined || seq <= known.seq) return 0;
    const missed = this.#unreported(known, seq - known.seq);
    this.#remember(publisher, seq, [...known.holes, { from: known.seq + 1, to: seq }].slice(0, MOST_HOLES));
    return missed;
  }

  /** A gap of `count` entries was already reported: the next hole of each publisher is part of it, and no further loss. */
  expectHoles(count: number): void {
    this.#expected += count;
    for (const known of this.#last.values()) known.holeExpected = true;
  }

  /** What has not arrived so far is not for this node: it is from before its time, or from before the stream began anew. */
  forgetHoles(): void {
    for (const known of this.#last.values()) known.holes = [];
  }

  /** How many of the entries that a publisher lacks were not reported before. */
  #unreported({ holeExpected }: Publisher, missing: number): number {
    const reported = holeExpected ? Math.min(missing, this.#expected) : 0;
    this.#expected -= reported;
    return missing - reported;
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

/** Whether `seq` was in a hole, which it no longer is. */
function fills(holes: Hole[], seq: number): boolean {
  const index = holes.findIndex(({ from, to }) => from <= seq && seq <= to);
  if (index === -1) return false;
  const { from, to } = holes[index]!;
  const rest = [
    { from, to: seq - 1 },
    { from: seq + 1, to },
  ];
  holes.splice(index, 1, ...rest.filter((hole) => hole.from <= hole.to));
  holes.length = Math.min(holes.length, MOST_HOLES);
  return true;
}
