/** What is used of a connection of Engine.IO. */
export interface EngineConnection {
  readonly readyState: string;
  readonly server: {
    on(event: 'flush', listener: (connection: EngineConnection, packets: unknown[]) => void): unknown;
  };
  readonly transport: { readonly socket?: { readonly _socket?: { cork(): void; uncork(): void } } };
}

/**
 * Lets packets that Engine.IO hands to a WebSocket together go out together. A batch of entries becomes as many frames, each of which
 * would be a system call of its own, a third of what a node spends on a message.
 */
export class WriteBatching {
  /** One for each HTTP server that the Server is attached to. */
  readonly #engines = new WeakSet<EngineConnection['server']>();

  /** To be called with any connection of the Server, whose engine may have been made after its adapters. */
  use({ server }: EngineConnection): void {
    if (server === undefined || this.#engines.has(server)) return;
    this.#engines.add(server);
    server.on('flush', ({ transport }, packets) => {
      const socket = packets.length > 1 ? transport.socket?._socket : undefined;
      if (socket === undefined) return;
      socket.cork();
      process.nextTick(() => socket.uncork());
    });
  }
}
