import { setImmediate as immediate } from 'node:timers/promises';
import { MessageType } from 'socket.io-adapter';
import type { RedisConnection } from '../redis/driver.js';
import { PAGE, range } from '../stream/range.js';
import type { RecentEntries } from '../stream/recent-entries.js';
import type { IsRepetition } from '../stream/repetitions.js';
import { comparePositions, entryOf, FIRST_POSITION } from '../stream/stream-id.js';
import { streamInfo } from '../stream/stream-info.js';
import { readEntry } from '../wire/entry.js';
import { optionsOf, payloadOf } from '../wire/entry-codec.js';
import type { StreamMessage, WireOptions } from '../wire/message.js';
import type { Payload } from '../wire/payload.js';

/** Messages that are looked at without a pause, about. */
const AT_ONCE = 500;

/** A packet that a client missed, ready to be written to it. */
export interface MissedPacket {
  offset: string;
  /** With the offset. */
  payload: Payload;
  compress: boolean | undefined;
}

/** A packet that a client missed, as it stands in a stream. */
export interface MissedMessage {
  stream: string;
  id: string;
  payload: Payload;
  compress: boolean | undefined;
}

/** Where in a stream a client that comes back left off, and what it was in. */
export interface Absence {
  stream: string;
  namespace: string;
  from: string;
  rooms: readonly string[];
}

/** The stream holds more than a node is ready to read for one client. */
export class TooManyEntriesError extends Error {
  override readonly name = 'TooManyEntriesError';
}

/** What was looked at in memory. */
export interface RecentMessages {
  messages: MissedMessage[];
  scanned: number;
}

export type OlderMessages = { trimmed: false; messages: MissedMessage[]; scanned: number } | { trimmed: true };

/** How what is older than memory is read. */
export interface Reading {
  isRepetition: IsRepetition;
  /** Entries, about, that are read for one client. */
  most: number;
  signal: AbortSignal;
}

/**
 * Reads from Redis what a client missed up to `until`, in pages.
 *
 * @returns `trimmed` when the stream no longer holds everything since the client left.
 * @throws {TooManyEntriesError} when it holds far more than `most` entries since then.
 */
export async function olderMessages(
  connection: RedisConnection,
  absence: Absence,
  until: string,
  { isRepetition, most, signal }: Reading,
): Promise<OlderMessages> {
  const missed: MissedMessage[] = [];
  let scanned = 0;
  for await (const page of range(connection, absence.stream, absence.from, until, signal)) {
    let atOnce = 0;
    for (const [id, fields] of page) {
      // a page may hold many messages, and the process has other things to do
      if (atOnce >= AT_ONCE) {
        await immediate();
        atOnce = 0;
      }
      const entry = readEntry(absence.stream, id.toString('latin1'), fields);
      if (entry === undefined) continue;
      atOnce += entry.messages.length;
      if (!isRepetition(entry)) missed.push(...missedAmong(entry.messages, absence, until));
    }
    scanned += page.length;
    if (scanned > most + PAGE) {
      throw new TooManyEntriesError(
        `The stream '${absence.stream}' holds more than ${most} entries since the client left, which is more than is read for one client.`,
      );
    }
  }
  // Asked after reading: what has been trimmed by then may have been trimmed before it was read.
  if (await trimmedSince(connection, absence)) return { trimmed: true };
  return { trimmed: false, messages: missed, scanned };
}

/** Whether entries from after the beginning of the absence are gone: with the entry that it begins with, or with the whole stream. */
async function trimmedSince(connection: RedisConnection, { stream, from }: Absence): Promise<boolean> {
  if (from === FIRST_POSITION) {
    const info = await streamInfo(connection, stream);
    return info === undefined || info.entriesAdded !== info.length;
  }
  const entry = entryOf(from);
  const reply = (await connection.send(['XREVRANGE', stream, entry, entry, 'COUNT', '1'])) as unknown[];
  return reply.length === 0;
}

/** What of the entries in memory the client missed. */
export function recentMessages(recent: RecentEntries, absence: Absence): RecentMessages {
  const messages: MissedMessage[] = [];
  let scanned = 0;
  for (const entry of recent.after(absence.from)) {
    scanned++;
    const missed = missedMessage(entry, absence);
    if (missed) messages.push(missed);
  }
  return { messages, scanned };
}

/** Those of an entry, which the client may have left, or memory may begin, in the middle of. */
function missedAmong(messages: readonly StreamMessage[], absence: Absence, until: string): MissedMessage[] {
  const among: MissedMessage[] = [];
  for (const message of messages) {
    if (comparePositions(message.id, absence.from) <= 0 || comparePositions(message.id, until) > 0) continue;
    const missed = missedMessage(message, absence);
    if (missed) among.push(missed);
  }
  return among;
}

function missedMessage(entry: StreamMessage, absence: Absence): MissedMessage | undefined {
  if (entry.namespace !== absence.namespace || entry.messageType !== Number(MessageType.BROADCAST)) return undefined;
  if (entry.requestId !== undefined) return undefined;
  try {
    const opts = optionsOf(entry);
    const { volatile, ackId } = opts.flags;
    if (volatile === true || ackId !== undefined || !concerns(opts, absence.rooms)) return undefined;
    let missed = decoded.get(entry);
    if (missed === undefined) {
      missed = { stream: entry.stream, id: entry.id, payload: payloadOf(entry), compress: opts.flags.compress };
      decoded.set(entry, missed);
    }
    return missed;
  } catch {
    // malformed, as it was when it came in, where it was counted
    return undefined;
  }
}

/** Entries in memory that were decoded for a client; when a node fails, all of its clients have missed the same ones. */
const decoded = new WeakMap<StreamMessage, MissedMessage>();

/** Whether a packet is for a client in these rooms. */
export function concerns(opts: WireOptions, rooms: readonly string[]): boolean {
  const included = opts.rooms.length === 0 || opts.rooms.some((room) => rooms.includes(room));
  return included && !opts.except.some((room) => rooms.includes(room));
}
