const OTHER = '_OTHER';
const CODE = /^[A-Z][A-Z\d_]{1,39}$/;
const NAME = /^[A-Za-z][\w$]{0,63}$/;
const TIMEOUT = /(?:Timeout|TimeoutError|Timedout)$|^ETIMEDOUT$/;
const REPLY = /^(?:ErrorReply|SimpleError|BlobError|ReplyError|PartialTransactionError)$/;
const REPLY_CODE = /^[A-Z]{2,20}(?= )/;

/**
 * The kind of an error, for the attribute `error.type`: `timeout`, the code of Redis (`OOM`, `READONLY`) or of Node
 * (`ECONNREFUSED`), or the class. Never its message, which may quote what the user sent.
 */
export function errorType(error: unknown): string {
  if (!(error instanceof Error)) {
    return OTHER;
  }
  const { code } = error as { code?: unknown };
  const name = error.name === 'Error' ? error.constructor.name : error.name;
  const kind =
    (REPLY.test(name) || REPLY.test(error.constructor.name) ? REPLY_CODE.exec(error.message)?.[0] : undefined) ??
    (typeof code === 'string' && CODE.test(code) ? code : name);
  if (TIMEOUT.test(kind)) {
    return 'timeout';
  }
  return NAME.test(kind) ? kind : OTHER;
}
