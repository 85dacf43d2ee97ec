import type { EngineConnection } from './write-batching.js';

/**
 * What is used of Socket.IO, whose types are not imported: two copies of the package in one application would not fit
 * together. The names are those of `socket.io` 4.
 */
export interface ServerLike {
  opts: {
    connectionStateRecovery?: { maxDisconnectionDuration: number } | undefined;
    cleanupEmptyChildNamespaces?: boolean | undefined;
  };
  path(): string;
  parentNsps: Map<unknown, { children: Set<NamespaceLike> }>;
}

export interface NamespaceLike {
  readonly name: string;
  readonly server: ServerLike;
  readonly sockets: Map<string, SocketLike>;
  readonly _preConnectSockets?: Map<string, SocketLike>;
  _ids: number;
  _onServerSideEmit(args: unknown[]): void;
}

export interface SocketLike {
  readonly id: string;
  readonly pid?: string;
  readonly rooms: Set<string>;
  readonly handshake: Record<string, unknown>;
  data: unknown;
  acks: Map<number, (...args: unknown[]) => void>;
  client: { writeToEngine(encoded: unknown, options: PacketWriteOptions): void };
  conn: EngineConnection & { close(discard?: boolean): void };
  readonly _anyOutgoingListeners?: readonly unknown[];
  notifyOutgoingListeners(packet: Packet): void;
  join(rooms: string | string[]): void;
  leave(room: string): void;
  disconnect(close?: boolean): void;
  /** Takes the socket out of its rooms and its namespace. */
  _cleanup(): void;
}

export interface PacketWriteOptions {
  preEncoded: true;
  volatile: boolean | undefined;
  compress: boolean | undefined;
  wsPreEncodedFrame?: unknown;
}

/** A packet of the Socket.IO protocol. See https://socket.io/docs/v4/socket-io-protocol/ */
export interface Packet {
  type: number;
  data: unknown[];
  nsp?: string;
  id?: number;
}

/** The type of a packet that carries an event. */
export const EVENT_PACKET = 2;
