import { toError } from '../errors.js';
import type { RedisConnection } from '../redis/driver.js';
import { isStreamId, streamIdTime } from './stream-id.js';

/** What XINFO STREAM tells. See https://redis.io/docs/latest/commands/xinfo-stream/ */
export interface StreamInfo {
  length: number;
  /** The id of the newest entry that there ever was. */
  lastGeneratedId: string;
  firstEntryId: string | undefined;
  /** How many entries were ever added; `undefined` before Redis 7. */
  entriesAdded: number | undefined;
}

/** `undefined` when there is no such stream. */
export async function streamInfo(connection: RedisConnection, stream: string): Promise<StreamInfo | undefined> {
  let reply: unknown[];
  try {
    reply = (await connection.send(['XINFO', 'STREAM', stream])) as unknown[];
  } catch (error) {
    if (toError(error).message.includes('no such key')) return undefined;
    throw error;
  }
  const info = new Map<unknown, unknown>();
  for (let i = 0; i + 1 < reply.length; i += 2) info.set(reply[i], reply[i + 1]);
  const lastGeneratedId = info.get('last-generated-id');
  if (!isStreamId(lastGeneratedId)) throw new Error(`XINFO STREAM of '${stream}' did not tell the last id.`);
  const first = info.get('first-entry') as [string, string[]] | null | undefined;
  const added = info.get('entries-added');
  return {
    length: Number(info.get('length')),
    lastGeneratedId,
    firstEntryId: first?.[0],
    entriesAdded: added === undefined ? undefined : Number(added),
  };
}

/** How far back the stream reaches from its newest entry, in milliseconds. */
export function retentionOf({ firstEntryId, lastGeneratedId }: StreamInfo): number {
  const newest = streamIdTime(lastGeneratedId);
  return Math.max(0, newest - (firstEntryId === undefined ? newest : streamIdTime(firstEntryId)));
}
