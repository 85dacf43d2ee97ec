import type { RedisConnection } from '../redis/driver.js';
import type { RawEntry } from './reader.js';
import { entryOf } from './stream-id.js';

/** Entries of one XRANGE. */
export const PAGE = 200;

/** Reads the entries of a stream from the one that `from` is within, or the one behind it, to the one of `until`, in pages. */
export async function* range(
  connection: RedisConnection,
  stream: string,
  from: string,
  until: string,
  signal: AbortSignal,
): AsyncGenerator<RawEntry[], void> {
  let start = entryOf(from) === from ? `(${from}` : entryOf(from);
  for (;;) {
    signal.throwIfAborted();
    // See https://redis.io/docs/latest/commands/xrange/
    const command = ['XRANGE', stream, start, entryOf(until), 'COUNT', String(PAGE)];
    const page = (await connection.sendForBuffers(command)) as RawEntry[];
    yield page;
    if (page.length < PAGE) return;
    start = `(${page.at(-1)![0].toString('latin1')}`;
  }
}
