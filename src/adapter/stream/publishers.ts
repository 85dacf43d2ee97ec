import type { RedisConnection } from '../redis/driver.js';
import { readEntry } from '../wire/entry.js';
import { Deduplicator } from './deduplicator.js';
import type { RawEntry } from './reader.js';
import { entryOf } from './stream-id.js';

/** Entries looked at; a message whose publication was uncertain stands in the stream again within far fewer. */
const LOOK_BACK = 500;

/** What the last entries that are wholly before `position` tell of their publishers, so that a repetition behind `position` is known as one. */
export async function publishersBefore(
  connection: RedisConnection,
  stream: string,
  position: string,
): Promise<Deduplicator> {
  // See https://redis.io/docs/latest/commands/xrevrange/
  const entry = entryOf(position);
  const end = entry === position ? entry : `(${entry}`;
  const reply = await connection.sendForBuffers(['XREVRANGE', stream, end, '-', 'COUNT', String(LOOK_BACK)]);
  const publishers = new Deduplicator();
  for (const [id, fields] of (reply as RawEntry[]).reverse()) {
    const read = readEntry(stream, id.toString('latin1'), fields);
    if (read?.seq !== undefined) publishers.arrive(read.publisher, read.seq, read.messages.length);
  }
  publishers.forgetHoles();
  return publishers;
}
