import { Decoder, Encoder } from '@msgpack/msgpack';

/**
 * MessagePack, as `@socket.io/redis-streams-adapter` uses it on its channels and for binary payloads.
 * See https://github.com/msgpack/msgpack/blob/master/spec.md
 */
const encoder = new Encoder();
const decoder = new Decoder();

export function pack(value: unknown): Buffer {
  return Buffer.from(encoder.encode(value));
}

/** The value, with binary data as Buffers of their own, as a Node.js application expects it. Throws on malformed input. */
export function unpack(payload: Uint8Array): unknown {
  return withBuffers(decoder.decode(payload));
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
