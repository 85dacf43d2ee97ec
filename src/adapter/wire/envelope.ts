import { Decoder, Encoder } from '@msgpack/msgpack';

/**
 * MessagePack, as `@socket.io/redis-streams-adapter` uses it on its channels and for binary payloads.
 * See https://github.com/msgpack/msgpack/blob/master/spec.md
 */
const encoder = new Encoder();
const decoder = new Decoder();

/**
 * Packs a value, with binary data of every kind as bytes, and without keys named `__proto__`: no decoder takes those, and a client that
 * sends one in its handshake would keep its node from answering for all of its sockets.
 */
export function pack(value: unknown): Buffer {
  return Buffer.from(encoder.encode(packable(value)));
}

/** The value, with binary data as Buffers of their own, as a Node.js application expects it. Throws on malformed input. */
export function unpack(payload: Uint8Array): unknown {
  return withBuffers(decoder.decode(payload));
}

/** Deeper than this, the encoder refuses. */
const MOST_DEPTH = 100;

/**
 * The value itself; a copy where it holds what cannot be packed as it is.
 *
 * @throws {RangeError} for what is too deep for the encoder, at the first place: objects that refer to each other in two ways have 2 to the
 * power of {@link MOST_DEPTH} of them.
 */
function packable(value: unknown, depth = 0): unknown {
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return value;
  if (depth > MOST_DEPTH)
    throw new RangeError(
      `Too deep: objects in one another, or that refer to themselves, more than ${MOST_DEPTH} deep.`,
    );
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  const source = value as Record<string, unknown>;
  let copy: Record<string, unknown> | undefined;
  for (const key of Object.keys(source)) {
    const item = key === '__proto__' ? undefined : packable(source[key], depth + 1);
    if (key !== '__proto__' && item === source[key]) continue;
    copy ??= (Array.isArray(value) ? [...(value as unknown[])] : { ...source }) as Record<string, unknown>;
    if (key === '__proto__') delete copy[key];
    else copy[key] = item;
  }
  return copy ?? value;
}

function withBuffers(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  // a copy: what was decoded is a window on the whole message, which it would keep alive
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = withBuffers(value[i]);
  } else if (!(value instanceof Date)) {
    const object = value as Record<string, unknown>;
    for (const key of Object.keys(object)) object[key] = withBuffers(object[key]);
  }
  return value;
}
