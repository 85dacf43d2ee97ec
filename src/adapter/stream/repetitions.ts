import type { RedisConnection } from '../redis/driver.js';
import { readEntry } from '../wire/entry.js';
import type { StreamEntry } from '../wire/message.js';
import { Deduplicator } from './deduplicator.js';
import { publishersBefore, type LastMessages } from './publishers.js';
import { range } from './range.js';
import { comparePositions, streamIdTime } from './stream-id.js';

/** Repetitions remembered; a publisher makes some at most when it loses its connection. */
const MOST = 10_000;

/** Clients that left a stream within this time share a look back, in milliseconds. */
const SHARED = 1_000;

/** When a node is replaced, its clients come to the next one within about this time, in milliseconds. */
const KEPT = 30_000;

/** Says of the entries of a stretch of a stream, which it is asked about in their order, whether they are in the stream for the second time. */
export type IsRepetition = (entry: StreamEntry) => boolean;

/**
 * Which entries of a stream are repetitions, for those who read it once more: what this node has found out while it read them, and for
 * what was before its time, what the stream tells.
 */
export class Repetitions {
  readonly #ids = new Set<string>();
  /** By the time that they look back from. */
  readonly #looks = new Map<number, Promise<LastMessages>>();

  constructor(
    private readonly connection: RedisConnection,
    private readonly stream: string,
    /** Every repetition behind it, up to the position of the reader, is known. */
    private from: string,
  ) {}

  /** The reader has come upon a repetition. */
  add(id: string): void {
    // read once more, from the beginning of a stream that began anew: it is there once
    if (comparePositions(id, this.from) <= 0) return;
    this.#ids.add(id);
    if (this.#ids.size <= MOST) return;
    const oldest = this.#ids.values().next().value!;
    this.#ids.delete(oldest);
    this.from = oldest;
  }

  /** What is before `position` may not be what it was any more. */
  restart(position: string): void {
    this.#ids.clear();
    this.#looks.clear();
    this.from = position;
  }

  /** What tells repetitions behind `position`, up to the position of the reader. */
  async since(position: string, signal: AbortSignal): Promise<IsRepetition> {
    if (comparePositions(position, this.from) >= 0) return ({ id }) => this.#ids.has(id);
    const time = streamIdTime(position);
    const begin = time - (time % SHARED);
    const publishers = new Deduplicator(await this.#before(begin));
    const isRepetition: IsRepetition = ({ publisher, seq, messages }) =>
      seq !== undefined && publishers.arrive(publisher, seq, messages.length).duplicate;
    for await (const page of range(this.connection, this.stream, `${begin}-0`, position, signal)) {
      for (const [id, fields] of page) {
        const entry = readEntry(this.stream, id.toString('latin1'), fields);
        // one that the position is in the middle of is still to come
        if (entry && comparePositions(entry.id, position) <= 0) isRepetition(entry);
      }
    }
    publishers.forgetHoles();
    return isRepetition;
  }

  /** What was published before that time, looked up once for all that ask for it at about the same time. */
  #before(time: number): Promise<LastMessages> {
    let look = this.#looks.get(time);
    if (look === undefined) {
      look = publishersBefore(this.connection, this.stream, `${time}-0`);
      this.#looks.set(time, look);
      const forget = (): unknown => this.#looks.get(time) === look && this.#looks.delete(time);
      look.then(() => setTimeout(forget, KEPT).unref(), forget);
    }
    return look;
  }
}
