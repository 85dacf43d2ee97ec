import { SerializationError } from '../errors.js';

/** Whether a value holds binary data, found the way `socket.io-parser` finds it: `toJSON()` is called first. */
export function hasBinary(value: unknown, afterToJson = false): boolean {
  if (value === null || typeof value !== 'object') return false;
  if (Array.isArray(value)) return value.some((item) => hasBinary(item));
  if (isBinary(value)) return true;
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function' && !afterToJson) return hasBinary(toJSON.call(value), true);
  for (const key in value) {
    if (Object.hasOwn(value, key) && hasBinary((value as Record<string, unknown>)[key])) return true;
  }
  return false;
}

/**
 * Whether a value holds what `socket.io-parser` puts in the place of binary data. A client that comes upon one that was not put there
 * by the parser ends its connection. See https://socket.io/docs/v4/socket-io-protocol/
 */
export function hasPlaceholder(value: unknown): boolean {
  if (value === null || typeof value !== 'object' || isBinary(value)) return false;
  if ((value as { _placeholder?: unknown })._placeholder === true) return true;
  return Object.values(value).some(hasPlaceholder);
}

export function isBinary(value: object): value is ArrayBuffer | ArrayBufferView {
  return ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
}

/**
 * The value as `JSON.stringify()` sees it, but with binary data left as it is: what a client would receive if the value were
 * sent by Socket.IO itself. Throws where `JSON.stringify()` does (BigInt, cycle).
 */
export function toPlain(value: unknown): unknown {
  return plain(value, '', [], false);
}

/**
 * As {@link toPlain}, but refuses functions and symbols, too, which JSON leaves out silently: what goes from server to server
 * arrives whole or not at all.
 *
 * @throws {SerializationError} naming where in the value the trouble is.
 */
export function toPlainStrictly(value: unknown, what: string): unknown {
  try {
    return plain(value, '', [], true);
  } catch (error) {
    if (error instanceof SerializationError) error.message = `Cannot send ${what} to the other nodes: ${error.message}`;
    throw error;
  }
}

function plain(value: unknown, path: string, parents: object[], strict: boolean): unknown {
  switch (typeof value) {
    case 'bigint':
      throw new SerializationError(
        `a BigInt cannot be serialised${at(path)}. Make sure to convert it to a string first.`,
      );
    case 'function':
    case 'symbol':
      if (strict)
        throw new SerializationError(`a ${typeof value} cannot be serialised${at(path)}. Make sure to leave it out.`);
      return undefined;
    case 'number':
      return Number.isFinite(value) ? value : null;
    case 'object':
      break;
    default:
      return value;
  }
  if (value === null) return null;
  if (isBinary(value)) return bytes(value);
  if (parents.includes(value)) {
    throw new SerializationError(`an object that refers to itself cannot be serialised${at(path)}.`);
  }
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') {
    return plain(toJSON.call(value), path, [...parents, value], strict);
  }
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return value.valueOf();
  const within = [...parents, value];
  if (Array.isArray(value)) {
    return value.map((item, index) => plain(item, `${path}[${index}]`, within, strict) ?? null);
  }
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const item = plain((value as Record<string, unknown>)[key], path === '' ? key : `${path}.${key}`, within, strict);
    if (item !== undefined) {
      // defined rather than assigned: a key named __proto__ must stay a key
      Object.defineProperty(result, key, { value: item, enumerable: true, configurable: true, writable: true });
    }
  }
  return result;
}

function at(path: string): string {
  return path === '' ? '' : ` (at \`${path}\`)`;
}

/** The bytes of any binary value, without a copy. */
function bytes(value: ArrayBuffer | ArrayBufferView): Buffer {
  return ArrayBuffer.isView(value) ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : Buffer.from(value);
}
