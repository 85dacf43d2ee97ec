import type { RedisConnection } from '../redis/driver.js';
import { readEntry } from '../wire/entry.js';
import type { RawEntry } from './reader.js';
import { entryOf, streamIdTime } from './stream-id.js';

/** Messages that are looked at in any case, if there are so many. */
const LEAST_MESSAGES = 500;

/**
 * How late a repetition may come, in milliseconds: a batch is left unanswered for 10 s until it is sent again, over a connection that may
 * need more than one attempt, each of which may take 10 s, with up to 2 s between them.
 */
const LATENESS = 30_000;

/**
 * Time between two entries that counts, in milliseconds. While Redis is away nothing is added, and what was on its way is repeated when it
 * is back: that must not be out of reach then because of the time in between.
 */
const LONGEST_GAP = 1_000;

/** However much was published lately, a node that starts must not be long about it. */
const MOST_MESSAGES = 20_000;
const MOST_BYTES = 67_108_864;

/** Entries of one XREVRANGE, each of which may hold many messages. */
const PAGE = 100;

/** The numbers of the last messages of publishers, those whose last message is the oldest first. */
export type LastMessages = ReadonlyMap<string, number>;

/**
 * What the last entries that are wholly before `position` tell of their publishers, so that a repetition behind `position` is known as one.
 */
export async function publishersBefore(
  connection: RedisConnection,
  stream: string,
  position: string,
): Promise<LastMessages> {
  const last = new Map<string, number>();
  const entry = entryOf(position);
  let end = entry === position ? entry : `(${entry}`;
  let [messages, bytes, time, newer] = [0, 0, 0, streamIdTime(position)];
  const isEnough = (): boolean =>
    messages >= LEAST_MESSAGES && (time >= LATENESS || messages >= MOST_MESSAGES || bytes >= MOST_BYTES);
  for (let more = true; more && !isEnough();) {
    // See https://redis.io/docs/latest/commands/xrevrange/
    const reply = await connection.sendForBuffers(['XREVRANGE', stream, end, '-', 'COUNT', String(PAGE)]);
    const page = (reply as RawEntry[]).map(([id, fields]): [string, Buffer[]] => [id.toString('latin1'), fields]);
    for (const [id, fields] of page) {
      const read = readEntry(stream, id, fields);
      if (read?.seq !== undefined) {
        const seq = read.seq + read.messages.length - 1;
        last.set(read.publisher, Math.max(seq, last.get(read.publisher) ?? 0));
      }
      messages += read?.messages.length ?? 1;
      bytes += fields.reduce((sum, field) => sum + field.length, 0);
      const added = streamIdTime(id);
      time += Math.min(newer - added, LONGEST_GAP);
      newer = added;
    }
    more = page.length === PAGE;
    end = `(${page.at(-1)?.[0] ?? ''}`;
  }
  return new Map([...last].reverse());
}
