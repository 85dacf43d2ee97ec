import type { IoAdapter } from '@nestjs/platform-socket.io';

// Nest pins its own copy of socket.io. A second copy would have other classes and other types, so every type of it is
// taken from what Nest's adapter declares.

/** A Socket.IO server, of the copy of socket.io that Nest uses. */
export type SocketIoServer = ReturnType<IoAdapter['createIOServer']>;

/** A socket, of the copy of socket.io that Nest uses. */
export type SocketIoSocket = Parameters<IoAdapter['bindMessageHandlers']>[0];

/** Every option of a Socket.IO server, as `createIOServer` takes them. */
export type FullServerOptions = NonNullable<Parameters<IoAdapter['createIOServer']>[1]>;

/**
 * Options of a Socket.IO server. The adapter is what this package installs.
 *
 * @see https://socket.io/docs/v4/server-options/
 */
export type ServerOptions = Partial<Omit<FullServerOptions, 'adapter'>>;
