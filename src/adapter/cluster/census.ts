import type { ClusterNode } from '../cluster-node.js';
import { RequestTimeoutError, toError } from '../errors.js';
import type { BusMessage } from './bus.js';

const QUERY = 'census_query';
const ANSWER = 'census_answer';

/** A namespace of a node. */
export interface NamespaceCount {
  /** Its name, such as `/`. */
  name: string;
  /** Sockets that are connected to it on the node. */
  sockets: number;
}

/** What the nodes tell of their namespaces when they are asked. Nothing of it is ordered, so it goes over the channels. */
export class Census {
  constructor(private readonly node: ClusterNode) {}

  /** The namespaces of each of the other nodes that answers within `timeout` ms, by node. */
  async take(timeout: number): Promise<Map<string, NamespaceCount[]>> {
    const { requests, bus, uid } = this.node;
    const requestId = requests.newId();
    const answers = requests.collect<[string, NamespaceCount[]]>(requestId, {
      name: 'The census',
      nodes: this.node.others(),
      foreign: Promise.resolve(0),
      timeout,
      telemetry: undefined,
      take: (data, from) => [[from, parseNamespaces(data)]],
    });
    bus
      .publish(bus.clusterChannel, { uid, type: QUERY, data: { requestId } })
      .catch((error: unknown) => requests.fail(requestId, toError(error)));
    try {
      return new Map(await answers);
    } catch (error) {
      return new Map(
        error instanceof RequestTimeoutError
          ? (error as RequestTimeoutError<[string, NamespaceCount[]]>).responses
          : [],
      );
    }
  }

  /** The namespaces of this node. */
  own(): NamespaceCount[] {
    return [...this.node.adapters.values()].map(({ nsp }) => ({ name: nsp.name, sockets: nsp.sockets.size }));
  }

  /** Takes a message of the census; `false` when it is about something else. */
  receive({ type, uid, data }: BusMessage): boolean {
    const { requestId } = (data ?? {}) as { requestId?: unknown };
    if (type === ANSWER) {
      if (typeof requestId === 'string') this.node.requests.answer(requestId, uid, data);
      return true;
    }
    if (type !== QUERY) return false;
    if (uid !== this.node.uid && typeof requestId === 'string') void this.#answer(uid, requestId);
    return true;
  }

  async #answer(to: string, requestId: string): Promise<void> {
    const { bus, uid } = this.node;
    const data = { requestId, namespaces: this.own() };
    // the node that asked says who did not answer
    await bus.publish(bus.nodeChannel(to), { uid, type: ANSWER, data }).catch(() => undefined);
  }
}

function parseNamespaces(data: unknown): NamespaceCount[] {
  const { namespaces } = data as { namespaces?: unknown };
  if (!Array.isArray(namespaces)) return [];
  return namespaces.filter(
    (one: Partial<NamespaceCount> | null) => typeof one?.name === 'string' && Number.isSafeInteger(one.sockets),
  );
}
