import { InvalidOptionError } from '../errors.js';

/** What nodes of a cluster have to agree on, to hear what the others publish. */
export interface Layout {
  streamName: string;
  streamCount: number;
}

export function parseLayout(raw: unknown): Layout | undefined {
  const { streamName, streamCount } = (raw ?? {}) as Partial<Record<keyof Layout, unknown>>;
  if (typeof streamName !== 'string' || !Number.isSafeInteger(streamCount)) return undefined;
  return { streamName, streamCount: streamCount as number };
}

/** What keeps a node from joining the cluster of another one; `undefined` when nothing does. */
export function disagreement(own: Layout, uid: string, other: Layout): InvalidOptionError | undefined {
  const option = own.streamCount === other.streamCount ? 'streamName' : 'streamCount';
  if (own[option] === other[option]) return undefined;
  return new InvalidOptionError(
    `Option \`${option}\` is ${own[option]}, but ${other[option]} on node ${uid} of the cluster: neither would hear what the other ` +
      'publishes. Give all nodes the same. To change it, stop those with the former value first, or start those with the new one as a ' +
      'cluster of their own, with another `keyPrefix`.',
    option,
  );
}
