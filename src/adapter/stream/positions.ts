import { isPosition, laterPosition } from './stream-id.js';

/** Positions in the streams that carry a namespace, in the order of the streams: one, unless its rooms are spread over several. */
export type Positions = readonly string[];

/** Not in a position, and never escaped where offsets travel. */
const SEPARATOR = '~';

/** Before a position that is written out, where the one before it has milliseconds of another length. */
const WHOLE = '=';

/** One more than there may be streams: who names as many is not known from here. */
const TOO_MANY = 1_025;

/**
 * Positions as text: that of a single stream as it is. Of several, each leaves out the digits that its milliseconds begin with as those
 * of the one before it do, as every packet that a client is to receive once carries the text.
 */
export function encodePositions(positions: Positions): string {
  let text = positions[0]!;
  for (let i = 1; i < positions.length; i++) text += SEPARATOR + shorten(positions[i]!, positions[i - 1]!);
  return text;
}

/** Reads what {@link encodePositions} returns; `undefined` when that cannot be. */
export function decodePositions(text: unknown): Positions | undefined {
  if (typeof text !== 'string') return undefined;
  const parts = text.split(SEPARATOR, TOO_MANY);
  if (parts.length === TOO_MANY) return undefined;
  const positions: string[] = [];
  for (const part of parts) {
    const before = positions.at(-1);
    const position = before === undefined ? part : lengthen(part, before);
    if (!isPosition(position)) return undefined;
    positions.push(position);
  }
  return positions;
}

/** In each stream the later of the two positions. Both are of the same streams. */
export function latestPositions(a: Positions, b: Positions): Positions {
  return a.map((position, i) => laterPosition(position, b[i]!));
}

function shorten(position: string, before: string): string {
  const length = position.indexOf('-');
  if (length !== before.indexOf('-')) return WHOLE + position;
  let shared = 0;
  while (shared < length && position[shared] === before[shared]) shared++;
  return position.slice(shared);
}

function lengthen(part: string, before: string): string {
  if (part.startsWith(WHOLE)) return part.slice(WHOLE.length);
  const length = part.indexOf('-');
  const shared = before.indexOf('-') - length;
  return length === -1 || shared < 0 ? part : before.slice(0, shared) + part;
}
