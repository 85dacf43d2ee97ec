import type { NamespaceLike, SocketLike } from './socket-io.js';

/** What Socket.IO calls to connect a client to a namespace, and when a socket is gone, connected or not. */
interface Entrance {
  _add(...args: unknown[]): Promise<unknown>;
  _remove(socket: SocketLike): void;
}

/**
 * With `cleanupEmptyChildNamespaces`, Socket.IO closes a namespace when the last connected socket is gone, also while others are restored, or
 * wait in a middleware. They would be connected to what is no namespace any more, and hear nothing for good. With this, it is closed when
 * it has none of those either: each of them is connected, or is gone in its turn.
 */
export function keepWhileConnecting(nsp: NamespaceLike): void {
  if (nsp.server.opts.cleanupEmptyChildNamespaces !== true) return;
  const entrance = nsp as NamespaceLike & Entrance;
  const add = entrance._add;
  /** Removes a socket, and closes nothing. */
  const remove = (Object.getPrototypeOf(nsp) as Entrance)._remove;
  let close: Entrance['_remove'] | undefined;
  /** Clients for whom there is no socket yet. */
  let adding = 0;
  /** The last one that was gone while others were awaited. */
  let gone: SocketLike | undefined;
  const isAwaited = (except?: SocketLike): boolean =>
    adding > 0 || [...(nsp._preConnectSockets?.values() ?? [])].some((socket) => socket !== except);

  entrance._add = async (...args) => {
    // not before: a namespace that is to be closed is given what closes it once its adapter is there
    if (close === undefined) {
      close = entrance._remove;
      if (close !== remove) {
        entrance._remove = (socket) => {
          gone = isAwaited(socket) ? socket : undefined;
          (gone ? remove : close!).call(nsp, socket);
        };
      }
    }
    adding++;
    try {
      return await add.apply(nsp, args);
    } finally {
      adding--;
      // a socket that is gone before it was added: nobody else looks whether it was the last
      if (gone && nsp.sockets.size === 0 && !isAwaited()) close.call(nsp, gone);
    }
  };
}
