import type { RedisConnection } from '../redis/driver.js';
import { readEntry } from '../wire/entry.js';
import type { StreamEntry } from '../wire/message.js';
import { Deduplicator } from './deduplicator.js';
import type { RawEntry } from './reader.js';
import { entryOf } from './stream-id.js';

/** Messages looked at; one whose publication was uncertain stands in the stream again within far fewer. */
const LOOK_BACK = 500;

/** Entries of one XREVRANGE, each of which may hold many messages. */
const PAGE = 100;

/** What the last entries that are wholly before `position` tell of their publishers, so that a repetition behind `position` is known as one. */
export async function publishersBefore(
  connection: RedisConnection,
  stream: string,
  position: string,
): Promise<Deduplicator> {
  const entries: StreamEntry[] = [];
  let messages = 0;
  const last = entryOf(position);
  let end = last === position ? last : `(${last}`;
  for (let more = true; more && messages < LOOK_BACK;) {
    // See https://redis.io/docs/latest/commands/xrevrange/
    const reply = await connection.sendForBuffers(['XREVRANGE', stream, end, '-', 'COUNT', String(PAGE)]);
    const page = reply as RawEntry[];
    for (const [id, fields] of page) {
      const read = readEntry(stream, id.toString('latin1'), fields);
      if (read) entries.push(read);
      messages += read?.messages.length ?? 1;
    }
    more = page.length === PAGE;
    end = `(${page.at(-1)?.[0].toString('latin1') ?? ''}`;
  }
  const publishers = new Deduplicator();
  for (const entry of entries.reverse()) {
    if (entry.seq !== undefined) publishers.arrive(entry.publisher, entry.seq, entry.messages.length);
  }
  publishers.forgetHoles();
  return publishers;
}
