import type { OutgoingMessage } from '../wire/message.js';

/** Most entries, and bytes, of one round trip. */
const BATCH_LENGTH = 128;
const BATCH_BYTES = 262_144;

/** Most messages, and bytes, of an entry, so that a reply of many entries stays small; a message may be longer. */
const ENTRY_LENGTH = 128;
const ENTRY_BYTES = 65_536;

/** What a message takes beyond its data, roughly, in bytes. */
const OVERHEAD = 300;

/** What a message takes in memory and in Redis, in bytes, roughly. */
export function sizeOf({ data }: OutgoingMessage): number {
  return data.length + OVERHEAD;
}

/**
 * Which of the messages that wait go to Redis next, and which of them share an entry.
 *
 * @param alone every message has an entry of its own.
 */
export function groups<Waiting extends { message: OutgoingMessage }>(
  queue: readonly Waiting[],
  alone: boolean,
): Waiting[][] {
  const result: Waiting[][] = [];
  let group: Waiting[] = [];
  let groupBytes = 0;
  let bytes = 0;
  for (const one of queue) {
    const size = sizeOf(one.message);
    const joins = !alone && group.length < ENTRY_LENGTH && groupBytes + size <= ENTRY_BYTES;
    if (!joins || group.length === 0) {
      if (result.length === BATCH_LENGTH || bytes >= BATCH_BYTES) break;
      result.push((group = []));
      groupBytes = 0;
    }
    group.push(one);
    groupBytes += size;
    bytes += size;
  }
  return result;
}
