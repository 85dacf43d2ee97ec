import { MessageType } from 'socket.io-adapter';
import type { Bus, BusMessage } from './bus.js';

export interface ForeignListener {
  /** A node of the peer package asks something of the namespace. */
  onRequest(namespace: string, uid: string, type: number, data: unknown): void;
  /** Anything else that came over the channels. */
  onMessage(message: BusMessage): void;
}

/** What is told where such a node publishes that is not expected. */
export const UNEXPECTED_PEER =
  'a node of @socket.io/redis-streams-adapter publishes to the stream, and cannot read entries of several messages: give all other nodes ' +
  'and emitters `interop: true`';

/** The nodes of `@socket.io/redis-streams-adapter` in the cluster. They send no heartbeats, and have channels of their own, for each namespace. */
export class ForeignNodes {
  constructor(
    private readonly bus: Bus,
    private readonly uid: string,
    /** Whether there may be any. */
    private readonly expected: boolean,
    private readonly listener: ForeignListener,
  ) {}

  /** How many of them have the namespace; 0 while that cannot be found out. */
  async count(namespace: string): Promise<number> {
    if (!this.expected) return 0;
    try {
      const { bus } = this;
      const [all, ours] = await bus.subscribers(bus.namespaceChannel(namespace), bus.namespaceCountChannel(namespace));
      return Math.max(0, all! - ours!);
    } catch {
      return 0;
    }
  }

  /** Takes part on the channels of a namespace. */
  async join(namespace: string): Promise<void> {
    const subscribe = (channel: string): Promise<void> =>
      this.bus.subscribe(channel, (message) => this.#onMessage(namespace, message));
    await Promise.allSettled(this.#channels(namespace).map(subscribe));
  }

  async leave(namespace: string): Promise<void> {
    await Promise.allSettled(this.#channels(namespace).map((channel) => this.bus.unsubscribe(channel)));
  }

  /** Joined and left in one go, so that nobody who counts meanwhile takes this node for one of the others. */
  #channels(namespace: string): string[] {
    if (!this.expected) return [];
    const { bus } = this;
    return [
      bus.namespaceCountChannel(namespace),
      bus.namespaceChannel(namespace),
      bus.namespaceChannel(namespace, this.uid),
    ];
  }

  #onMessage(namespace: string, message: BusMessage): void {
    const { uid, type, data } = message;
    if (uid === this.uid) return;
    const isRequest =
      type === MessageType.BROADCAST || type === MessageType.FETCH_SOCKETS || type === MessageType.SERVER_SIDE_EMIT;
    if (isRequest) this.listener.onRequest(namespace, uid, type, data);
    else this.listener.onMessage(message);
  }
}
