import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamMessage } from '../wire/message.js';
import { RecentEntries } from './recent-entries.js';
import { comparePositions } from './stream-id.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What an entry is taken to take beyond its data. */
const OVERHEAD = 400;

function entry(time: number, bytes = 0): StreamMessage {
  return new StreamMessage('stream', idOf(time), 'uid', '/', 3, Buffer.alloc(bytes));
}

function idOf(time: number): string {
  return `${time}-0`;
}

/** The same, without any cleverness. */
class NaiveRecentEntries {
  entries: StreamMessage[] = [];

  constructor(
    public from: string,
    private readonly maxLen: number,
    private readonly maxBytes: number,
  ) {}

  add(added: StreamMessage): void {
    if (comparePositions(added.id, this.from) <= 0) return;
    this.entries.push(added);
    while (this.entries.length > this.maxLen || this.#bytes > this.maxBytes) this.from = this.entries.shift()!.id;
  }

  restart(position: string): void {
    this.entries = [];
    this.from = position;
  }

  after(id: string): StreamMessage[] {
    return this.entries.filter((one) => comparePositions(one.id, id) > 0);
  }

  get #bytes(): number {
    return this.entries.reduce((sum, { data }) => sum + data.length + OVERHEAD, 0);
  }
}

const operation = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      type: fc.constant('add' as const),
      bytes: fc.nat(600),
      step: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('restart' as const), ahead: fc.integer({ min: -20, max: 20 }) }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('after' as const), back: fc.nat(40) }) },
);

describe('RecentEntries', () => {
  it('holds what a naive list would hold', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 10_000 }),
        fc.array(operation, { maxLength: 200, size: 'max' }),
        (maxLen, maxBytes, operations) => {
          const recent = new RecentEntries(idOf(100), maxLen, maxBytes);
          const model = new NaiveRecentEntries(idOf(100), maxLen, maxBytes);
          let time = 100;
          for (const one of operations) {
            if (one.type === 'add') {
              time += one.step;
              const added = entry(time, one.bytes);
              recent.add(added);
              model.add(added);
            } else if (one.type === 'restart') {
              const position = idOf(Math.max(0, time + one.ahead));
              recent.restart(position);
              model.restart(position);
            } else {
              const id = idOf(Math.max(0, time - one.back));
              expect([...recent.after(id)]).toEqual(model.after(id));
            }
            expect(recent.from).toBe(model.from);
            expect(recent.size).toBe(model.entries.length);
          }
          expect([...recent.after('0-0')]).toEqual(model.entries);
        },
      ),
    );
  });

  it('holds what a naive list would hold also after many thousands of entries', () => {
    const recent = new RecentEntries('0-0', 1_500, 1_000_000);
    const model = new NaiveRecentEntries('0-0', 1_500, 1_000_000);
    for (let time = 1; time <= 5_000; time++) {
      const added = entry(time, time % 7);
      recent.add(added);
      model.add(added);
    }
    expect([...recent.after('0-0')]).toEqual(model.entries);
    expect([...recent.after(idOf(4_000))]).toEqual(model.after(idOf(4_000)));
    expect(recent.from).toBe(idOf(3_500));
  });

  it('vouches for nothing when an entry is larger than all it may hold', () => {
    const recent = new RecentEntries('0-0', 10, 1_000);
    recent.add(entry(1));
    recent.add(entry(2, 1_000));
    expect(recent.size).toBe(0);
    expect(recent.from).toBe(idOf(2));
  });

  it('does not remember again what is read anew up to where it was restarted', () => {
    const recent = new RecentEntries('0-0', 10, 10_000);
    for (const time of [1, 2, 3]) recent.add(entry(time));
    recent.restart(idOf(5));
    for (const time of [1, 4, 5, 6]) recent.add(entry(time));
    expect([...recent.after('0-0')].map(({ id }) => id)).toEqual([idOf(6)]);
    expect(recent.from).toBe(idOf(5));
  });

  it('keeps alive no entry that it forgot', async () => {
    const recent = new RecentEntries('0-0', 1_000, 10 * OVERHEAD);
    const added: Array<WeakRef<StreamMessage>> = [];
    for (let time = 1; time <= 100; time++) {
      const one = entry(time);
      recent.add(one);
      added.push(new WeakRef(one));
    }
    await setImmediate();
    collectGarbage();
    expect(added.filter((one) => one.deref() !== undefined)).toHaveLength(10);
  });

  it('keeps alive no reply that its entries came in', () => {
    const recent = new RecentEntries('0-0', 10, 10_000);
    const reply = Buffer.alloc(64 * 1_024);
    const added = new StreamMessage('stream', '1-0', 'uid', '/', 3, reply.subarray(0, 8));
    recent.add(added);
    expect(added.data).toEqual(Buffer.alloc(8));
    expect(added.data.buffer).not.toBe(reply.buffer);
  });
});
