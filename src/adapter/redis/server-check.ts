import { withDeadline } from '../deadline.js';
import { toError } from '../errors.js';
import type { Link, OpenLink } from './link.js';

/** What a client is made for. */
export type ServerKind = 'master' | 'cluster node';

/**
 * Makes links only to servers of the right kind. One of another kind takes the connection and even some commands, so that whoever gave
 * the wrong client would look for the fault elsewhere.
 */
export function checked(open: OpenLink, expected: ServerKind): OpenLink {
  return async (onLost, signal) => {
    const link = await open(onLost, signal);
    try {
      const fault = faultOf(await greet(link, signal), expected);
      if (fault !== undefined) throw new Error(fault);
      return link;
    } catch (error) {
      link.destroy();
      throw error;
    }
  };
}

/** What the server says of itself, in the protocol that is spoken already. See https://redis.io/docs/latest/commands/hello/ */
async function greet(link: Link, signal: AbortSignal): Promise<Map<unknown, unknown>> {
  const about = new Map<unknown, unknown>();
  try {
    const reply = (await withDeadline(link.send(['HELLO']), signal)) as unknown[];
    for (let i = 0; i + 1 < reply.length; i += 2) about.set(reply[i], reply[i + 1]);
  } catch (error) {
    // A server without the command, or a user without the right to it, is taken at its word; one that wants a password is not.
    if (signal.aborted || toError(error).message.startsWith('NOAUTH')) throw error;
  }
  return about;
}

function faultOf(about: Map<unknown, unknown>, expected: ServerKind): string | undefined {
  const mode = about.get('mode');
  if (mode === 'sentinel') {
    return 'What was reached is a Sentinel. Give a client that asks it for the master: `createSentinel()` of `redis`, or the option `sentinels` of `ioredis`';
  }
  if (expected === 'cluster node') return undefined;
  if (mode === 'cluster') {
    return 'What was reached is a node of a Redis Cluster. Give a client that knows the others: `createCluster()` of `redis`, or `Cluster` of `ioredis`';
  }
  const role = about.get('role');
  if (role === undefined || role === 'master') return undefined;
  return 'What was reached is a read-only replica. Give a client for its master';
}
