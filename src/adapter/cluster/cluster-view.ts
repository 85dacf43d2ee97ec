import type { ClusterNode } from '../cluster-node.js';
import { RequestTimeoutError } from '../errors.js';
import { streamStatuses, type NodeSnapshot, type NodeStatus } from '../snapshot.js';
import type { NamespaceCount } from './census.js';

/** A node of the cluster. */
export interface ClusterMember {
  /** Its id, which is another after each start. */
  uid: string;
  /** Whether it is the node that was asked. */
  self: boolean;
  /** When the node that was asked first heard of it, in milliseconds since the epoch. */
  since: number;
  /** When the node that was asked last heard of it, in milliseconds since the epoch. */
  lastSeen: number;
  /** Its namespaces, with their sockets; `undefined` when it did not answer in time. */
  namespaces: NamespaceCount[] | undefined;
}

/** The nodes of the cluster. */
export interface ClusterMembers {
  /** Every node that is known, this one first. */
  nodes: ClusterMember[];
  /** Those that did not answer in time. */
  missing: string[];
}

/** Sockets of the cluster. */
export interface SocketCount {
  /** How many there are on the nodes that answered. */
  sockets: number;
  /** Nodes that did not answer in time. */
  missing: string[];
}

/** Options of a question to all nodes. */
export interface ClusterRequestOptions {
  /** How long the other nodes have to answer, in milliseconds. Default: the option `requestTimeout` of the adapter. */
  timeout?: number;
}

/** Options of {@link ClusterView.count}. */
export interface CountOptions extends ClusterRequestOptions {
  /** The namespace whose sockets are counted. Default `/`. */
  namespace?: string;
}

/** What one node can tell of its cluster. */
export interface ClusterView {
  /** The nodes, and what they tell of themselves. Never rejects: who does not answer in time is named. */
  nodes(options?: ClusterRequestOptions): Promise<ClusterMembers>;
  /**
   * Counts the sockets in the rooms (of all, when none is given) on all nodes, after everything that this node has published so far.
   * Handshakes and data stay where they are. Who does not answer in time is named.
   *
   * @throws if this node does not have the namespace.
   */
  count(rooms?: string | readonly string[], options?: CountOptions): Promise<SocketCount>;
  /**
   * This node itself: its connections, its outbox, its place in the stream and how far that is behind.
   *
   * @throws while Redis is away, which has to be asked for the ends of the streams.
   */
  self(): Promise<NodeStatus>;
  /** This node itself, as far as Redis need not be asked. */
  snapshot(): NodeSnapshot;
}

/** What `node` can tell of its cluster. */
export function clusterView(node: ClusterNode): ClusterView {
  const { requestTimeout } = node.options;
  return {
    nodes: async ({ timeout = requestTimeout } = {}) => {
      const asked = node.others();
      const answers = await node.census.take(timeout);
      const { members } = node.membership;
      const others = asked.flatMap((uid) => {
        const member = members.get(uid);
        return member
          ? [{ uid, self: false, since: member.since, lastSeen: member.lastSeen, namespaces: answers.get(uid) }]
          : [];
      });
      const self = {
        uid: node.uid,
        self: true,
        since: node.since,
        lastSeen: Date.now(),
        namespaces: node.census.own(),
      };
      return {
        nodes: [self, ...others],
        missing: others.filter(({ namespaces }) => namespaces === undefined).map(({ uid }) => uid),
      };
    },
    count: async (rooms = [], { namespace = '/', timeout = requestTimeout } = {}) => {
      const adapter = node.adapters.get(namespace);
      if (adapter === undefined) {
        throw new Error(
          `Cannot count the sockets of namespace '${namespace}': this node does not have it. Namespaces that it has: ` +
            `${[...node.adapters.keys()].join(', ')}.`,
        );
      }
      const opts = { rooms: new Set(typeof rooms === 'string' ? [rooms] : rooms), flags: { timeout } };
      try {
        return { sockets: sum(await adapter.countSockets(opts)), missing: [] };
      } catch (error) {
        if (!(error instanceof RequestTimeoutError)) throw error;
        return { sockets: sum(error.responses as number[]), missing: [...error.missing] };
      }
    },
    snapshot: () => node.snapshot(),
    self: async () => ({ ...node.snapshot(), streams: await streamStatuses(node) }),
  };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
