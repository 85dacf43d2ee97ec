import { MessageType, type BroadcastOptions } from 'socket.io-adapter';
import type { ClusterNode } from '../cluster-node.js';
import type { Delivery } from '../delivery.js';
import { toError } from '../errors.js';
import type { NamespaceLike } from '../socket-io.js';
import { broadcastOptions, type ClusterMessage, type Sender, type WireOptions } from '../wire/message.js';
import { Payload } from '../wire/payload.js';
import type { Answer } from './answering.js';
import { describeSockets } from './answers.js';

/** What the in-memory adapter does with its own sockets. */
export interface LocalSockets {
  disconnect(opts: BroadcastOptions, close: boolean): void;
}

/** What a namespace does for the other nodes, and for this one where it reads back what it has published. */
export class Responder {
  constructor(
    private readonly nsp: NamespaceLike,
    private readonly node: ClusterNode,
    private readonly delivery: Delivery,
    private readonly local: LocalSockets,
  ) {}

  apply(message: ClusterMessage, sender: Sender): void {
    const { data } = message;
    const opts = 'opts' in data ? broadcastOptions(data.opts) : undefined;
    switch (message.type) {
      case MessageType.SOCKETS_JOIN:
        return this.delivery.join(opts!, message.data.rooms);
      case MessageType.SOCKETS_LEAVE:
        return this.delivery.leave(opts!, message.data.rooms);
      case MessageType.DISCONNECT_SOCKETS:
        return this.local.disconnect(opts!, message.data.close);
      case MessageType.FETCH_SOCKETS:
        return this.#answerFetch(message.data.opts, message.data.requestId, sender);
      case MessageType.SERVER_SIDE_EMIT:
        return this.#serverSideEvent(message.data.packet, message.data.requestId, sender);
      case MessageType.BROADCAST: {
        const { requestId, packet } = message.data;
        const payload = Payload.of(packet.data);
        if (requestId === undefined) return this.delivery.deliverLocally(payload, opts!);
        let number = 0;
        this.delivery.deliverWithAck(
          payload,
          opts!,
          opts!.flags?.timeout,
          (clientCount) => this.#respond(sender, MessageType.BROADCAST_CLIENT_COUNT, { requestId, clientCount }),
          (...args) =>
            this.#respond(sender, MessageType.BROADCAST_ACK, { requestId, packet: args[0], number: ++number }),
        );
      }
    }
  }

  /** At once: the sockets as they are before what comes behind in the stream. */
  #answerFetch(opts: WireOptions, requestId: string, sender: Sender): void {
    const type = MessageType.FETCH_SOCKETS_RESPONSE;
    const sockets = this.delivery.sockets(broadcastOptions(opts));
    if (opts.flags.countOnly) return this.#respond(sender, type, { requestId, count: sockets.length });
    try {
      this.#respond(sender, type, { requestId, sockets: describeSockets(sockets, this.node.options.redactHandshake) });
    } catch (error) {
      this.#respond(sender, type, { requestId, error: `\`redactHandshake\` failed: ${toError(error).message}` });
    }
  }

  #serverSideEvent(packet: unknown[], requestId: string | undefined, sender: Sender): void {
    if (requestId === undefined) return this.nsp._onServerSideEmit(packet);
    let called = false;
    this.nsp._onServerSideEmit([
      ...packet,
      (arg: unknown) => {
        if (called) return;
        called = true;
        this.#respond(sender, MessageType.SERVER_SIDE_EMIT_RESPONSE, { requestId, packet: arg });
      },
    ]);
  }

  #respond(sender: Sender, type: MessageType, answer: Answer): void {
    void this.node.answering.send(sender, type, answer);
  }
}
