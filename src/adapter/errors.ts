/** An option of the package has a value that it cannot work with. */
export class InvalidOptionError extends Error {
  /** Tells the error where `instanceof` cannot. */
  override readonly name = 'InvalidOptionError';

  constructor(
    message: string,
    /** Name of the option. */
    readonly option: string,
  ) {
    super(message);
  }
}

/** Redis could not be reached, or did not answer, within `readyTimeout`. */
export class RedisUnavailableError extends Error {
  /** Tells the error where `instanceof` cannot. */
  override readonly name = 'RedisUnavailableError';
}

/** The adapter was closed before the operation could be done. */
export class AdapterClosedError extends Error {
  /** Tells the error where `instanceof` cannot. */
  override readonly name = 'AdapterClosedError';
}

/** The outbox is full: Redis has been away too long, or is slower than what is published. The message was not published. */
export class OutboxFullError extends Error {
  /** Tells the error where `instanceof` cannot. */
  override readonly name = 'OutboxFullError';

  constructor(
    message: string,
    /** The option that sets the limit. */
    readonly limit: 'outboxMaxLen' | 'outboxMaxBytes',
  ) {
    super(message);
  }
}

/** The message is larger than Redis, or its service, takes. It was not published. */
export class MessageTooLargeError extends Error {
  /** Tells the error where `instanceof` cannot. */
  override readonly name = 'MessageTooLargeError';
}

/** What was to be sent to the other nodes cannot be serialised. */
export class SerializationError extends Error {
  /** Tells the error where `instanceof` cannot. */
  override readonly name = 'SerializationError';
}

/** Some nodes did not answer in time. What the others answered is in `responses`. */
export class RequestTimeoutError<T = unknown> extends Error {
  /** Tells the error where `instanceof` cannot. */
  override readonly name = 'RequestTimeoutError';

  /** The answers that came in time. They are not enumerable, so that no log shows them by itself. */
  declare readonly responses: readonly T[];

  constructor(
    message: string,
    /** The nodes that did not answer. */
    readonly missing: readonly string[],
    responses: readonly T[],
  ) {
    super(message);
    // a log takes what is enumerable along: whole sockets, with their Server, and the secrets of their handshakes
    // writable, as Socket.IO puts the responses of `serverSideEmitWithAck()` on the error
    Object.defineProperty(this, 'responses', { value: responses, writable: true });
  }
}

/** A node could not answer a request, because what it would have sent cannot be serialised. */
export class RemoteNodeError extends Error {
  /** Tells the error where `instanceof` cannot. */
  override readonly name = 'RemoteNodeError';

  constructor(
    message: string,
    /** The node that failed. */
    readonly uid: string,
  ) {
    super(message);
  }
}

/** The data of a message that was read cannot be used: who wrote it is at fault, and not who handles it. */
export class MalformedDataError extends TypeError {
  /** Tells the error where `instanceof` cannot. */
  override readonly name = 'MalformedDataError';
}

/** Who is at fault when a message could not be handled: who wrote it, or who handles it. */
export function faultOf(error: unknown): 'decode_error' | 'handler_error' {
  return error instanceof MalformedDataError ? 'decode_error' : 'handler_error';
}

/** `error` as an Error, whatever was thrown. */
export function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
