/**
 * Ids of stream entries, `<milliseconds>-<sequence>`. Both parts are unsigned 64-bit integers, so they are compared as
 * decimal text and never turned into a number. See https://redis.io/docs/latest/develop/data-types/streams/#entry-ids
 *
 * A position is behind an entry, and is its id; or, within an entry of several messages, behind one that is not the last of them:
 * `<id>.<index>`.
 */
export const FIRST_POSITION = '0-0';

const ID = /^(?:0|[1-9]\d{0,19})-(?:0|[1-9]\d{0,19})$/;
const POSITION = /^(?:0|[1-9]\d{0,19})-(?:0|[1-9]\d{0,19})(?:\.(?:0|[1-9]\d{0,5}))?$/;

/** Whether `value` is a complete id of a stream entry. */
export function isStreamId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value);
}

/** Whether `value` is a position: where a client or a node has got to in a stream. */
export function isPosition(value: unknown): value is string {
  return typeof value === 'string' && POSITION.test(value);
}

/** The position behind message `index` of `count` in entry `id`; it is the id of the message, too. */
export function positionAt(id: string, index: number, count: number): string {
  return index === count - 1 ? id : `${id}.${index}`;
}

/** The id of the entry that the position is behind, or within. */
export function entryOf(position: string): string {
  const dot = position.indexOf('.');
  return dot === -1 ? position : position.slice(0, dot);
}

/** Negative when position `a` is before `b` in the stream, 0 when they are the same, positive when it is after. */
export function comparePositions(a: string, b: string): number {
  if (a === b) return 0;
  const dashA = a.indexOf('-');
  const dashB = b.indexOf('-');
  return compareDecimals(a.slice(0, dashA), b.slice(0, dashB)) || compareWithin(a.slice(dashA + 1), b.slice(dashB + 1));
}

/** The later of the two. */
export function laterPosition(a: string, b: string): string {
  return comparePositions(a, b) >= 0 ? a : b;
}

/** The earlier of the two. */
export function earlierPosition(a: string, b: string): string {
  return comparePositions(a, b) <= 0 ? a : b;
}

/** When the entry was added, in milliseconds since the epoch, by the clock of Redis. */
export function streamIdTime(id: string): number {
  return Number(id.slice(0, id.indexOf('-')));
}

/** What follows the milliseconds: a sequence number, and perhaps an index. Without one, it is behind all that have one. */
function compareWithin(a: string, b: string): number {
  const dotA = a.indexOf('.');
  const dotB = b.indexOf('.');
  if (dotA === -1 && dotB === -1) return compareDecimals(a, b);
  return (
    compareDecimals(dotA === -1 ? a : a.slice(0, dotA), dotB === -1 ? b : b.slice(0, dotB)) ||
    indexIn(a, dotA) - indexIn(b, dotB)
  );
}

function indexIn(text: string, dot: number): number {
  return dot === -1 ? Number.MAX_SAFE_INTEGER : Number(text.slice(dot + 1));
}

function compareDecimals(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a === b ? 0 : a < b ? -1 : 1;
}
