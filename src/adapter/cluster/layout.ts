import { InvalidOptionError } from '../errors.js';
import type { Layout } from '../stream/routing.js';

/** What nodes of a cluster have to agree on, to hear what the others publish. The first of which two differ is the one that is told of. */
const OPTIONS = ['streamCount', 'streamName', 'streamBy'] as const;

/** `undefined` when it is malformed. */
export function parseLayout(raw: unknown): Layout | undefined {
  const { streamName, streamCount, streamBy } = (raw ?? {}) as Partial<Record<keyof Layout, unknown>>;
  if (typeof streamName !== 'string' || !Number.isSafeInteger(streamCount)) return undefined;
  return { streamName, streamCount: streamCount as number, streamBy: streamBy === 'room' ? 'room' : 'namespace' };
}

/** What keeps a node from joining the cluster of another one; `undefined` when nothing does. */
export function disagreement(own: Layout, uid: string, other: Layout): InvalidOptionError | undefined {
  const option = OPTIONS.find((name) => own[name] !== other[name]);
  if (option === undefined) return undefined;
  return new InvalidOptionError(
    `Option \`${option}\` is ${own[option]}, but ${other[option]} on node ${uid} of the cluster: neither would hear what the other ` +
      'publishes. Give all nodes the same. To change it, stop those with the former value first, or start those with the new one as a ' +
      'cluster of their own, with another `keyPrefix`.',
    option,
  );
}
