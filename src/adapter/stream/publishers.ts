import type { RedisConnection } from '../redis/driver.js';
import { readEntry } from '../wire/entry-codec.js';
import { Deduplicator } from './deduplicator.js';

/** Entries looked at; a message whose publication was uncertain stands in the stream again within far fewer. */
const LOOK_BACK = 500;

/** What the last entries up to `position` tell of their publishers, so that a repetition behind `position` is known as one. */
export async function publishersBefore(
  connection: RedisConnection,
  stream: string,
  position: string,
): Promise<Deduplicator> {
  // See https://redis.io/docs/latest/commands/xrevrange/
  const reply = await connection.send(['XREVRANGE', stream, position, '-', 'COUNT', String(LOOK_BACK)]);
  const publishers = new Deduplicator();
  for (const [id, fields] of (reply as Array<[string, string[]]>).reverse()) {
    const entry = readEntry(stream, id, fields);
    if (entry?.seq !== undefined) publishers.arrive(entry.publisher, entry.seq);
  }
  return publishers;
}
