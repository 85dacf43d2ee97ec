import type { IoAdapter } from '@nestjs/platform-socket.io';

// Nest pins its own copy of socket.io. A second copy would have other classes and other types, so every type of it is
// taken from what Nest's adapter declares. That is not `createIOServer()`, of which Nest 11 declares nothing.

/** A Socket.IO server, of the copy of socket.io that Nest uses. */
export type SocketIoServer = SocketIoSocket['nsp']['server'];

/** A socket, of the copy of socket.io that Nest uses. */
export type SocketIoSocket = Parameters<IoAdapter['bindMessageHandlers']>[0];

/** Every option of a Socket.IO server, as Nest's adapter takes them. */
export type FullServerOptions = NonNullable<Parameters<IoAdapter['create']>[1]>;

/**
 * Options of a Socket.IO server. The adapter is what this package installs.
 *
 * @see https://socket.io/docs/v4/server-options/
 */
export type ServerOptions = Partial<Omit<FullServerOptions, 'adapter' | 'namespace' | 'server'>>;

/**
 * Options of a gateway, with those that Nest's own type lacks, such as `connectionStateRecovery`:
 * `@WebSocketGateway<GatewayOptions>({ connectionStateRecovery: {} })`.
 */
export type GatewayOptions = ServerOptions & {
  /** Name or pattern of the namespace. Default `/`. */
  namespace?: string | RegExp;
};
