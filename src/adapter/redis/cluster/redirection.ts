import { toError } from '../../errors.js';
import { parseAddress, type ServerAddress } from '../server-address.js';

/**
 * Where a node of a cluster says that a slot is: for good (`moved`), or for this one command while the slot is being moved (`ask`).
 * See https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#redirection-and-resharding
 */
export interface Redirection {
  kind: 'moved' | 'ask';
  slot: number;
  /** The host is empty where it is the one that was asked. */
  address: ServerAddress;
}

const FORMAT = /^(MOVED|ASK) (\d+) (\S+)/;

/** What an error reply redirects to; `undefined` for any other error. */
export function redirectionIn(error: unknown): Redirection | undefined {
  const [, kind, slot, where] = FORMAT.exec(toError(error).message) ?? [];
  const address = where === undefined ? undefined : parseAddress(where);
  return address && { kind: kind === 'ASK' ? 'ask' : 'moved', slot: Number(slot), address };
}

/** Whether a node says that the slot, or the whole cluster, is served by nobody, as far as it knows. */
export function isClusterDown(error: unknown): boolean {
  return toError(error).message.startsWith('CLUSTERDOWN ');
}
