import { RemoteNodeError } from '../errors.js';
import type { HandshakeRedaction } from '../options.js';
import type { SocketLike } from '../socket-io.js';

/** What a node tells of its sockets. */
export function describeSockets(sockets: readonly SocketLike[], redaction: HandshakeRedaction): object[] {
  return sockets.map(({ id, handshake, rooms, data }) => {
    // a session store may refer to itself, and is of no use elsewhere
    const { sessionStore: _, ...rest } = handshake;
    return { id, handshake: redact(rest, redaction), rooms: [...rooms], data };
  });
}

export function takeSockets(data: unknown, uid: string): unknown[] {
  failIfRemoteError(data, uid, 'the details of its sockets');
  const { sockets } = data as { sockets?: unknown };
  return Array.isArray(sockets) ? sockets : [];
}

/** A node of the peer package, which knows of no counting, sends all of its sockets. */
export function takeCount(data: unknown, uid: string): number[] {
  const { count } = data as { count?: unknown };
  return [typeof count === 'number' ? count : takeSockets(data, uid).length];
}

export function takeResponse(data: unknown, uid: string): unknown[] {
  failIfRemoteError(data, uid, 'its response');
  const { absent, packet } = data as { absent?: unknown; packet?: unknown };
  return absent === true ? [] : [packet];
}

/** Without redaction of one's own, what may be secret is emptied, so that code which looks into it finds nothing rather than fails. */
function redact(handshake: Record<string, unknown>, redaction: HandshakeRedaction): Record<string, unknown> {
  if (redaction === false) return handshake;
  if (redaction !== true) return redaction(handshake);
  const { url } = handshake;
  const path = typeof url === 'string' ? url.replace(/\?.*$/s, '') : url;
  return { ...handshake, url: path, headers: {}, query: {}, auth: {} };
}

function failIfRemoteError(data: unknown, uid: string, what: string): void {
  const { error } = data as { error?: unknown };
  if (typeof error !== 'string') return;
  throw new RemoteNodeError(
    `Node ${uid} cannot send ${what}: ${error}. Make sure that \`socket.data\` and responses hold plain data.`,
    uid,
  );
}
