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
