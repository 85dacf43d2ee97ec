import { SerializationError, toError } from '../errors.js';
import { decodePositions, latestPositions, type Positions } from '../stream/positions.js';
import { pack, unpack } from '../wire/envelope.js';
import { toPlain } from '../wire/plain.js';

/** What is kept of a client that may come back. The first four fields are those of `@socket.io/redis-streams-adapter`. */
export interface StoredSession {
  sid: string;
  pid: string;
  rooms: string[];
  data: unknown;
  /** The namespace that the session belongs to; absent in a session of the peer package. */
  nsp?: string;
  /** The stream of the namespace, which is another one where other options hold. */
  stream?: string;
  /** Where the node stood in the streams of the namespace, as the other positions too: everything up to here that is for this client was written to it. */
  position?: string;
  /** The offset of the last packet that was written to the client, if there was one. */
  offset?: string;
  /** Where the node stood when the session began: nothing before it is for this session. */
  since?: string;
  /** The node that the client is connected to, in a session that is kept while it is. */
  owner?: string;
}

/**
 * A session as the peer package writes it: MessagePack, in base64. What cannot be expressed that way in `socket.data` is
 * left out, as JSON leaves it out.
 *
 * @throws {SerializationError} when `socket.data` holds a BigInt or refers to itself.
 */
export function encodeSession(session: StoredSession): string {
  let packed: Buffer;
  try {
    packed = pack(session);
  } catch {
    packed = pack({ ...session, data: plainData(session) });
  }
  return packed.toString('base64');
}

function plainData({ data }: StoredSession): unknown {
  try {
    return toPlain(data);
  } catch (error) {
    throw new SerializationError(`\`socket.data\` cannot be written: ${toError(error).message}`, { cause: error });
  }
}

/** `undefined` when the value is not a session. */
export function decodeSession(value: unknown): StoredSession | undefined {
  if (typeof value !== 'string') return undefined;
  let raw: Partial<Record<keyof StoredSession, unknown>>;
  try {
    raw = unpack(Buffer.from(value, 'base64')) as typeof raw;
  } catch {
    return undefined;
  }
  if (typeof raw !== 'object' || raw === null) return undefined;
  const { sid, pid, rooms, data, nsp, stream, position, offset, since, owner } = raw;
  if (typeof sid !== 'string' || typeof pid !== 'string' || !Array.isArray(rooms)) return undefined;
  const session: StoredSession = { sid, pid, rooms: rooms as string[], data: data ?? {} };
  if (typeof nsp === 'string') session.nsp = nsp;
  if (typeof stream === 'string') session.stream = stream;
  if (isOffset(position)) session.position = position;
  if (isOffset(offset)) session.offset = offset;
  if (isOffset(since)) session.since = since;
  if (typeof owner === 'string') session.owner = owner;
  return session;
}

/** Where a client goes on that comes back with an offset. */
export interface Resumption {
  /** How far its former node had come, or it itself. */
  known: Positions;
  /** It has everything up to here that is for it. */
  from: Positions;
}

/** `undefined` when the offset is none, or of other streams than the session. */
export function resumptionOf(stored: StoredSession, offset: string): Resumption | undefined {
  const given = decodePositions(offset);
  if (given === undefined) return undefined;
  const position = stored.position === undefined ? given : decodePositions(stored.position)!;
  const since = stored.since === undefined ? given : decodePositions(stored.since)!;
  // one of other streams is left over from before the session, as they were other ones then
  const offered = given.length === since.length ? given : since;
  if (position.length !== offered.length || since.length !== offered.length) return undefined;
  const known = latestPositions(position, offered);
  // a session of the peer package tells nothing else
  if (stored.position === undefined) return { known, from: offered };
  // The client has everything that was written to it: nothing up to the position of its node concerns it, however old its offset.
  if (stored.offset === undefined || stored.offset === offset) return { known, from: known };
  // It lacks something. An offset from before the session is left over from an earlier one.
  return { known, from: latestPositions(since, offered) };
}

function isOffset(value: unknown): value is string {
  return decodePositions(value) !== undefined;
}

/**
 * For how long a session is in Redis at most, in milliseconds: one that is written for the case of a crash has to outlast the time until it is
 * known that there was one.
 */
export function longestLife(duration: number, { heartbeatTimeout }: { heartbeatTimeout: number }): number {
  return duration + 2 * heartbeatTimeout;
}
