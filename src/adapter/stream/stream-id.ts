/**
 * Ids of stream entries, `<milliseconds>-<sequence>`. Both parts are unsigned 64-bit integers, so they are compared as
 * decimal text and never turned into a number. See https://redis.io/docs/latest/develop/data-types/streams/#entry-ids
 */
export const FIRST_POSITION = '0-0';

const FORMAT = /^(?:0|[1-9]\d{0,19})-(?:0|[1-9]\d{0,19})$/;

/** Whether `value` is a complete id of a stream entry. */
export function isStreamId(value: unknown): value is string {
  return typeof value === 'string' && FORMAT.test(value);
}

/** Negative when `a` stands before `b` in the stream, 0 when they are the same, positive when it stands after. */
export function compareStreamIds(a: string, b: string): number {
  if (a === b) return 0;
  const dashA = a.indexOf('-');
  const dashB = b.indexOf('-');
  return (
    compareDecimals(a.slice(0, dashA), b.slice(0, dashB)) || compareDecimals(a.slice(dashA + 1), b.slice(dashB + 1))
  );
}

/** The later of the two. */
export function laterStreamId(a: string, b: string): string {
  return compareStreamIds(a, b) >= 0 ? a : b;
}

/** When the entry was added, in milliseconds since the epoch, by the clock of Redis. */
export function streamIdTime(id: string): number {
  return Number(id.slice(0, id.indexOf('-')));
}

function compareDecimals(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a === b ? 0 : a < b ? -1 : 1;
}
