import type { ChatSocket } from './chat.events.js';

/** What a name looks like: with a letter or digit at its beginning, and no space at its end. */
export const NAME = /^[\p{L}\p{N}](?:[\p{L}\p{N} ._-]{0,22}[\p{L}\p{N}.])?$/u;

export const NAME_REFUSED = 'A name has 1 to 24 letters, digits and spaces. Choose another one.';

/**
 * Lets nobody in without a name. A client that recovers its session is not asked again: its name comes back with it.
 *
 * @see https://socket.io/docs/v4/middlewares/
 */
export function requireName(socket: ChatSocket, next: (error?: Error) => void): void {
  const name: unknown = socket.handshake.auth.name;
  if (typeof name !== 'string' || !NAME.test(name)) {
    next(new Error(NAME_REFUSED));
    return;
  }
  socket.data.name = name;
  next();
}
