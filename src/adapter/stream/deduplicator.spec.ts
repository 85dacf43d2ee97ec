import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deduplicator } from './deduplicator.js';

/** Messages that share an entry: the number of the first, and how many there are. */
interface Entry {
  seq: number;
  count: number;
}

/**
 * What a publisher with an unreliable connection adds to a stream: it goes on from the first entry that it is not sure of, so that
 * what it adds are runs, each of which begins with an entry that was added before and ends behind all of them. What is added again is cut
 * as it was, but for entries that Redis has come to take for too large: their messages go one by one from then on. They are never put
 * together again.
 */
const publisherRuns = fc
  .array(
    fc.record({
      back: fc.nat(4),
      /** Of how many of the entries that are added again the messages go one by one. */
      split: fc.nat(2),
      counts: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
    }),
    { maxLength: 12 },
  )
  .map((runs) => {
    const added: Entry[] = [];
    let entries: Entry[] = [];
    let highest = 0;
    for (const { back, split, counts } of runs) {
      const unsure = entries.splice(Math.max(0, entries.length - back));
      const run = [...unsure.slice(0, split).flatMap(oneByOne), ...unsure.slice(split)];
      for (const count of counts) {
        run.push({ seq: highest + 1, count });
        highest += count;
      }
      added.push(...run);
      entries = [...entries, ...run];
    }
    return { added, highest };
  });

function oneByOne({ seq, count }: Entry): Entry[] {
  return Array.from({ length: count }, (_, index) => ({ seq: seq + index, count: 1 }));
}

function numbersOf({ seq, count }: Entry): number[] {
  return Array.from({ length: count }, (_, index) => seq + index);
}

describe('Deduplicator', () => {
  it('lets every message through once, in order, whatever its publisher repeats', () => {
    fc.assert(
      fc.property(publisherRuns, publisherRuns, fc.infiniteStream(fc.boolean()), (a, b, turns) => {
        const publishers = new Deduplicator();
        const passed = { a: [] as number[], b: [] as number[] };
        const rest = { a: [...a.added], b: [...b.added] };
        while (rest.a.length > 0 || rest.b.length > 0) {
          const name = rest.b.length === 0 || (rest.a.length > 0 && turns.next().value) ? 'a' : 'b';
          const entry = rest[name].shift()!;
          const arrival = publishers.arrive(name, entry.seq, entry.count);
          if (!arrival.duplicate) {
            expect(arrival.missed).toBe(0);
            passed[name].push(...numbersOf(entry));
          }
        }
        expect(passed.a).toEqual(Array.from({ length: a.highest }, (_, i) => i + 1));
        expect(passed.b).toEqual(Array.from({ length: b.highest }, (_, i) => i + 1));
        expect(publishers.last('a')).toBe(a.highest);
      }),
    );
  });

  it('lets every message through once of which an entry is read, and counts the others, whatever is trimmed away before it is read', () => {
    fc.assert(
      fc.property(publisherRuns, fc.array(fc.nat(3), { maxLength: 60 }), ({ added }, trims) => {
        const publishers = new Deduplicator();
        const passed: number[] = [];
        const read = new Set<number>();
        let missed = 0;
        let late = 0;
        // Entries that are read and entries that are trimmed away, in turn. The first is read: of a publisher that is not known yet, nobody
        // can tell what it has published before.
        const isTrimmed = [false, ...trims.flatMap((length, n) => Array.from({ length }, () => n % 2 === 1))];
        for (const entry of added.filter((_, n) => isTrimmed[n] !== true)) {
          const numbers = numbersOf(entry);
          if (entry.seq <= publishers.last('a') && !read.has(entry.seq)) late += entry.count;
          const arrival = publishers.arrive('a', entry.seq, entry.count);
          // an entry is new, or a repetition, as a whole
          expect(arrival.duplicate).toBe(numbers.every((seq) => read.has(seq)));
          if (!arrival.duplicate) {
            missed += arrival.missed;
            passed.push(...numbers);
          }
          for (const seq of numbers) read.add(seq);
        }
        expect(passed.toSorted((one, other) => one - other)).toEqual([...read].toSorted((one, other) => one - other));
        // what comes after all was counted before
        expect(missed).toBe(publishers.last('a') - read.size + late);
      }),
    );
  });

  it('counts what never arrived between two entries of a publisher', () => {
    const publishers = new Deduplicator();
    publishers.arrive('a', 3);
    expect(publishers.arrive('a', 7)).toMatchObject({ duplicate: false, missed: 3 });
    expect(publishers.arrive('a', 8)).toMatchObject({ duplicate: false, missed: 0 });
  });

  it('takes an entry for new of whose numbers somebody else has used some, and for a repetition the next time', () => {
    const publishers = new Deduplicator();
    publishers.arrive('a', 1, 4);
    publishers.arrive('a', 5);
    expect(publishers.arrive('a', 5, 6)).toMatchObject({ duplicate: false, missed: 0 });
    expect(publishers.arrive('a', 5, 6)).toEqual({ duplicate: true });
    expect(publishers.last('a')).toBe(10);
  });

  it('takes the first entry of a publisher for no hole: others came before this node looked', () => {
    expect(new Deduplicator().arrive('a', 1_000)).toMatchObject({ duplicate: false, missed: 0 });
  });

  it('counts a hole that a gap already told of for no further loss, once a publisher', () => {
    const publishers = new Deduplicator();
    publishers.arrive('a', 1);
    publishers.arrive('b', 1);
    publishers.expectHoles(3);
    expect(publishers.arrive('a', 5)).toMatchObject({ duplicate: false, missed: 0 });
    expect(publishers.arrive('b', 2)).toMatchObject({ duplicate: false, missed: 0 });
    expect(publishers.arrive('a', 9)).toMatchObject({ duplicate: false, missed: 3, told: false });
    expect(publishers.arrive('b', 9)).toMatchObject({ duplicate: false, missed: 6 });
  });

  it('counts what a hole has beyond what is counted of its gap: entries hold several messages, which is not told of again', () => {
    const publishers = new Deduplicator();
    publishers.arrive('a', 1);
    publishers.arrive('b', 1);
    publishers.expectHoles(5);
    expect(publishers.arrive('a', 5)).toMatchObject({ duplicate: false, missed: 0 });
    expect(publishers.arrive('b', 7)).toMatchObject({ duplicate: false, missed: 3 });
  });

  it('tells of one loss once, however many publishers turn out to lack messages', () => {
    const publishers = new Deduplicator();
    for (const publisher of ['a', 'b', 'c', 'd']) publishers.arrive(publisher, 1);
    expect(publishers.arrive('a', 4)).toMatchObject({ missed: 2, told: false });
    expect(publishers.arrive('b', 6)).toMatchObject({ missed: 4, told: true });
    expect(publishers.writeOff('c', 3)).toMatchObject({ missed: 2, told: true });
    // what comes after all of it is another one
    expect(publishers.arrive('d', 2)).toMatchObject({ missed: 0 });
    expect(publishers.arrive('d', 4)).toMatchObject({ missed: 1, told: false });
  });

  it('takes what a publisher lacks for another loss once it has said that it lacks nothing', () => {
    const publishers = new Deduplicator();
    publishers.arrive('a', 1);
    publishers.arrive('quiet', 1);
    expect(publishers.arrive('a', 3)).toMatchObject({ missed: 1, told: false });
    expect(publishers.misses('quiet', 1)).toBe(false);
    expect(publishers.arrive('quiet', 3)).toMatchObject({ missed: 1, told: false });
  });

  it('takes an entry of several messages for a repetition, or for new, as a whole', () => {
    const publishers = new Deduplicator();
    publishers.arrive('a', 1, 3);
    expect(publishers.last('a')).toBe(3);
    expect(publishers.arrive('a', 1, 3)).toEqual({ duplicate: true });
    expect(publishers.arrive('a', 6, 2)).toMatchObject({ duplicate: false, missed: 2 });
    // what fills the hole, and what does not fit in it
    expect(publishers.arrive('a', 3, 3)).toEqual({ duplicate: true });
    expect(publishers.arrive('a', 4, 2)).toMatchObject({ duplicate: false, missed: 0 });
    expect(publishers.arrive('a', 4, 2)).toEqual({ duplicate: true });
    expect(publishers.arrive('a', 8)).toMatchObject({ duplicate: false, missed: 0 });
  });

  it('says once that an entry is missing', () => {
    const publishers = new Deduplicator();
    expect(publishers.misses('a', 5)).toBe(false);
    publishers.arrive('a', 3);
    expect(publishers.misses('a', 3)).toBe(false);
    expect(publishers.misses('a', 5)).toBe(true);
    expect(publishers.misses('a', 5)).toBe(false);
    expect(publishers.misses('a', 6)).toBe(true);
    publishers.arrive('a', 6);
    expect(publishers.misses('a', 6)).toBe(false);
  });

  it('writes off what is still missing, counts it once, and takes it if it comes after all', () => {
    const publishers = new Deduplicator();
    publishers.arrive('a', 3);
    expect(publishers.stillMisses('a', 5)).toBe(false);
    publishers.misses('a', 5);
    expect(publishers.stillMisses('a', 5)).toBe(true);
    expect(publishers.stillMisses('a', 6)).toBe(false);
    expect(publishers.writeOff('a', 5)).toMatchObject({ missed: 2 });
    expect(publishers.writeOff('a', 5)).toMatchObject({ missed: 0 });
    expect(publishers.writeOff('b', 5)).toMatchObject({ missed: 0 });
    expect(publishers.stillMisses('a', 5)).toBe(false);
    expect(publishers.arrive('a', 6)).toMatchObject({ duplicate: false, missed: 0 });
    expect(publishers.arrive('a', 4)).toMatchObject({ duplicate: false, missed: 0 });
    expect(publishers.arrive('a', 4)).toEqual({ duplicate: true });
  });

  it('writes off nothing that a gap was reported for', () => {
    const publishers = new Deduplicator();
    publishers.arrive('a', 3);
    publishers.expectHoles(2);
    publishers.misses('a', 5);
    expect(publishers.writeOff('a', 5)).toMatchObject({ missed: 0 });
    expect(publishers.arrive('a', 8)).toMatchObject({ duplicate: false, missed: 2 });
  });

  it('lets the entries of a publisher through whose numbers somebody else has used', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 11, max: 1_000_000 }), { maxLength: 200 }), (forged) => {
        const publishers = new Deduplicator();
        for (let seq = 1; seq <= 5; seq++) publishers.arrive('a', seq);
        for (const seq of forged) publishers.arrive('a', seq);
        for (let seq = 6; seq <= 10; seq++) expect(publishers.arrive('a', seq).duplicate).toBe(false);
        for (let seq = 1; seq <= 10; seq++) expect(publishers.arrive('a', seq).duplicate).toBe(true);
      }),
    );
  });

  it('takes no entry for new that is older than what this node looks back on, or than a stream that began anew', () => {
    const publishers = new Deduplicator();
    publishers.arrive('a', 5);
    publishers.arrive('a', 8);
    publishers.forgetHoles();
    for (const seq of [4, 7]) expect(publishers.arrive('a', seq)).toEqual({ duplicate: true });
  });

  it('forgets the publishers that were silent for longest, and none that still publishes', () => {
    const publishers = new Deduplicator();
    publishers.arrive('steady', 1);
    publishers.arrive('silent', 1);
    for (let i = 1; i <= 10_500; i++) {
      publishers.arrive(`short-lived ${i}`, 1);
      if (i === 5_000) publishers.arrive('steady', 2);
    }
    expect(publishers.last('steady')).toBe(2);
    expect(publishers.last('silent')).toBe(0);
    expect(publishers.last('short-lived 10500')).toBe(1);
  });
});
