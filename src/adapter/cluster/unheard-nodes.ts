import type { EphemeralMode } from '../options.js';
import { EMITTER } from '../wire/message.js';
import type { Membership } from './membership.js';

/** What a message of the log tells of its publisher. */
export interface Published {
  uid: string;
  optionsLength: number;
  requestId: string | undefined;
}

export interface UnheardNodesOptions {
  ephemeral: EphemeralMode;
  heartbeatTimeout: number;
}

/** Nodes remembered. Who is forgotten is there again when it is heard of the next time. */
const MOST_NODES = 1_000;

/** There is nothing to be told of the node (any more). */
const SETTLED = Number.POSITIVE_INFINITY;

/**
 * Nodes whose messages stand in the log, while their heartbeats go where this node does not listen: there, each takes itself for the
 * whole cluster.
 */
export class UnheardNodes {
  /** When the first message of a node was read that had not been heard, by the monotonic clock. */
  readonly #since = new Map<string, number>();

  constructor(
    private readonly options: UnheardNodesOptions,
    private readonly membership: Pick<Membership, 'hearingFor'>,
    private readonly tell: (reason: string) => void,
  ) {}

  /** Anything came from the node but by the log. */
  heard(uid: string): void {
    if (this.#since.get(uid) !== SETTLED) this.#note(uid, SETTLED);
  }

  /** A message was read that is from nobody in the cluster. */
  published(message: Published): void {
    const { uid } = message;
    if (uid === EMITTER || !isOurs(message)) return;
    const now = performance.now();
    const since = this.#since.get(uid);
    if (since === undefined) return this.#note(uid, now);
    const { heartbeatTimeout, ephemeral } = this.options;
    if (now - since <= heartbeatTimeout || this.membership.hearingFor <= heartbeatTimeout) return;
    this.#note(uid, SETTLED);
    this.tell(
      `node ${uid} publishes, but no heartbeat of it comes in: neither node counts the other, nor gets its answers. ` +
        `Give all nodes the same \`channelPrefix\` and \`ephemeral\` (here: ${ephemeral})`,
    );
  }

  #note(uid: string, since: number): void {
    this.#since.set(uid, since);
    if (this.#since.size > MOST_NODES) this.#since.delete(this.#since.keys().next().value!);
  }
}

/** Nodes of the peer package, which have no heartbeats, tell neither; ours tell one of them with most messages. */
function isOurs({ optionsLength, requestId }: Published): boolean {
  return optionsLength > 0 || requestId !== undefined;
}
