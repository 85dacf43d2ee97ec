import type { Cluster } from '../../harness/cluster.js';

/** Adds an entry to the stream as anybody can who has access to Redis; resolves with its id. */
export async function addEntry(
  { redis, streamName }: Pick<Cluster, 'redis' | 'streamName'>,
  fields: Readonly<Record<string, string>>,
  id = '*',
): Promise<string> {
  return (await redis.sendCommand(['XADD', streamName, id, ...Object.entries(fields).flat()])) as string;
}
