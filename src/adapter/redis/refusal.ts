import { toError } from '../errors.js';

/** Errors of Redis begin with their kind. See https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors */
const ERROR_REPLY = /^[A-Z][A-Z0-9_]+ /;

/** These refuse nothing: what was asked for is elsewhere, or a read that waited was ended, as its server is no master any more. */
const NO_REFUSAL = /^(?:MOVED|ASK|UNBLOCKED) /;

/** Newer versions name the user, who is nobody else's business. */
const NAMED = /^NOPERM User \S+ has /;

/** Why Redis refuses what was asked of it, in its own words; `undefined` where it does not, as when the connection was lost. */
export function refusalIn(error: unknown): string | undefined {
  const { message } = toError(error);
  if (!ERROR_REPLY.test(message) || NO_REFUSAL.test(message)) return undefined;
  return message.replace(NAMED, 'NOPERM this user has ');
}

/**
 * About the request itself, whatever state Redis is in: it is larger than the server, or its service, takes. From who is not logged in,
 * less is taken, which says nothing about the request.
 */
const TOO_LARGE =
  /^ERR (?:Protocol error: (?:invalid bulk length|too big bulk count string)|Elements are too large to be stored|max request size exceeded)/;

/** Whether Redis refuses what was asked of it for its size, and so will do so again. */
export function isTooLarge(reason: string): boolean {
  return TOO_LARGE.test(reason);
}
