import { readEntry } from '../../src/adapter/wire/entry.js';
import type { StreamMessage } from '../../src/adapter/wire/message.js';
import type { Cluster } from './cluster.js';

/** The messages in the stream of a cluster, of which an entry holds one or several. */
export async function logMessages({
  redis,
  streamName,
}: Pick<Cluster, 'redis' | 'streamName'>): Promise<StreamMessage[]> {
  const entries = (await redis.sendCommand(['XRANGE', streamName, '-', '+'])) as Array<[string, string[]]>;
  return entries.flatMap(([id, fields]) => {
    const entry = readEntry(
      streamName,
      id,
      fields.map((field) => Buffer.from(field)),
    );
    if (entry === undefined) throw new Error(`The entry ${id} is malformed: ${JSON.stringify(fields)}`);
    return entry.messages;
  });
}
