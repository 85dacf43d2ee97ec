import type { Attributes } from '@opentelemetry/api';
import { AttributeName as A } from './names.js';
import type { Sources } from './sources.js';

/** Values of `messaging.operation.type`. */
export type OperationType = 'create' | 'send' | 'receive' | 'process';

const NOWHERE = { address: undefined, port: undefined };

interface Kept {
  readonly address: string | undefined;
  readonly port: number | undefined;
  readonly attributes: Readonly<Attributes>;
}

/** What a span about Redis has from its start, where samplers can see it. */
export class RedisAttributes {
  readonly #sources: Sources;
  /** What depends on the operation and the destination alone: few, while there is no end to namespaces. */
  readonly #kept = new Map<string, Map<string, Kept>>();

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  of(
    destination: string,
    operation: string,
    type: OperationType,
    message: { namespace?: string | undefined; type?: string | undefined } = {},
  ): Attributes {
    const attributes: Attributes = { ...this.#of(destination, operation, type) };
    if (message.namespace !== undefined) {
      attributes[A.NAMESPACE] = message.namespace;
    }
    if (message.type !== undefined) {
      attributes[A.MESSAGE_TYPE] = message.type;
    }
    return attributes;
  }

  #of(destination: string, operation: string, type: OperationType): Readonly<Attributes> {
    let byDestination = this.#kept.get(operation);
    if (!byDestination) {
      byDestination = new Map();
      this.#kept.set(operation, byDestination);
    }
    const { address, port } = this.#sources.server(destination) ?? NOWHERE;
    let kept = byDestination.get(destination);
    // A node that starts, or Sentinel, may know of another server.
    if (!kept || kept.address !== address || kept.port !== port) {
      const attributes: Attributes = {
        [A.MESSAGING_SYSTEM]: 'redis',
        [A.MESSAGING_DESTINATION_NAME]: destination,
        [A.MESSAGING_OPERATION_NAME]: operation,
        [A.MESSAGING_OPERATION_TYPE]: type,
      };
      if (address !== undefined) {
        attributes[A.SERVER_ADDRESS] = address;
      }
      if (port !== undefined) {
        attributes[A.SERVER_PORT] = port;
      }
      kept = { address, port, attributes };
      byDestination.set(destination, kept);
    }
    return kept.attributes;
  }
}

/** The namespace and the type of a batch, each only if all messages have the same. */
export function commonToAll(messages: ReadonlyArray<{ namespace: string; type: string }>): {
  namespace: string | undefined;
  type: string | undefined;
} {
  const [first] = messages;
  return {
    namespace: messages.every(({ namespace }) => namespace === first?.namespace) ? first?.namespace : undefined,
    type: messages.every(({ type }) => type === first?.type) ? first?.type : undefined,
  };
}
