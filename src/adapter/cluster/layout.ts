import { InvalidOptionError } from '../errors.js';
import type { Layout } from '../stream/routing.js';

/** Where a node publishes, and reads. */
export interface ClusterLayout extends Layout {
  /** `undefined` where the client does not tell (yet). */
  readonly database?: number | undefined;
}

/** What nodes of a cluster have to agree on, to hear what the others publish. The first of which two differ is the one that is told of. */
const OPTIONS = ['streamCount', 'streamName', 'streamBy'] as const;

/** `undefined` when it is malformed. */
export function parseLayout(raw: unknown): ClusterLayout | undefined {
  const { streamName, streamCount, streamBy, database } = (raw ?? {}) as Partial<Record<keyof ClusterLayout, unknown>>;
  if (typeof streamName !== 'string' || !Number.isSafeInteger(streamCount)) return undefined;
  return {
    streamName,
    streamCount: streamCount as number,
    streamBy: streamBy === 'room' ? 'room' : 'namespace',
    ...(Number.isSafeInteger(database) && { database: database as number }),
  };
}

/** What keeps a node from joining the cluster of another one; `undefined` when nothing does. */
export function disagreement(own: ClusterLayout, uid: string, other: ClusterLayout): InvalidOptionError | undefined {
  if (own.database !== undefined && other.database !== undefined && own.database !== other.database) {
    return new InvalidOptionError(
      `The Redis client has the database ${own.database}, but that of node ${uid} has ${other.database}: they meet on Redis' channels, which ` +
        'know of no databases, and neither hears what the other publishes. Give both the same, or each application a `keyPrefix` of its own.',
      'client',
    );
  }
  const option = OPTIONS.find((name) => own[name] !== other[name]);
  if (option === undefined) return undefined;
  return new InvalidOptionError(
    `Option \`${option}\` is ${own[option]}, but ${other[option]} on node ${uid} of the cluster: neither would hear what the other ` +
      'publishes. Give all nodes the same. To change it, stop those with the former value first, or start those with the new one as a ' +
      'cluster of their own, with another `keyPrefix`.',
    option,
  );
}
