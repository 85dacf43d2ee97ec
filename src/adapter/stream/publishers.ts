import type { RedisConnection } from '../redis/driver.js';
import { readEntry } from '../wire/entry.js';
import { Deduplicator } from './deduplicator.js';
import type { RawEntry } from './reader.js';

/** Entries looked at; a message whose publication was uncertain stands in the stream again within far fewer. */
const LOOK_BACK = 500;

/** What the last entries up to `position` tell of their publishers, so that a repetition behind `position` is known as one. */
export async function publishersBefore(
  connection: RedisConnection,
  stream: string,
  position: string,
): Promise<Deduplicator> {
  // See https://redis.io/docs/latest/commands/xrevrange/
  const reply = await connection.sendForBuffers(['XREVRANGE', stream, position, '-', 'COUNT', String(LOOK_BACK)]);
  const publishers = new Deduplicator();
  for (const [id, fields] of (reply as RawEntry[]).reverse()) {
    const entry = readEntry(stream, id.toString('latin1'), fields);
    if (entry?.seq !== undefined) publishers.arrive(entry.publisher, entry.seq);
  }
  publishers.forgetHoles();
  return publishers;
}
