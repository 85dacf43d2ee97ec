import type { Attributes } from '@opentelemetry/api';
import { AttributeName as A } from './names.js';
import type { Sources } from './sources.js';

/** Values of `messaging.operation.type`. */
export type OperationType = 'create' | 'send' | 'receive' | 'process';

/** What a span about Redis has from its start, where samplers can see it. */
export function redisAttributes(
  sources: Sources,
  destination: string,
  operation: string,
  type: OperationType,
  message: { namespace?: string | undefined; type?: string | undefined } = {},
): Attributes {
  const attributes: Attributes = {
    [A.MESSAGING_SYSTEM]: 'redis',
    [A.MESSAGING_DESTINATION_NAME]: destination,
    [A.MESSAGING_OPERATION_NAME]: operation,
    [A.MESSAGING_OPERATION_TYPE]: type,
  };
  const server = sources.server(destination);
  if (server?.address !== undefined) {
    attributes[A.SERVER_ADDRESS] = server.address;
  }
  if (server?.port !== undefined) {
    attributes[A.SERVER_PORT] = server.port;
  }
  if (message.namespace !== undefined) {
    attributes[A.NAMESPACE] = message.namespace;
  }
  if (message.type !== undefined) {
    attributes[A.MESSAGE_TYPE] = message.type;
  }
  return attributes;
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
