import { MessageType, type BroadcastOptions } from 'socket.io-adapter';
import { AckCollector } from '../ack-collector.js';
import type { ClusterNode } from '../cluster-node.js';
import type { Delivery } from '../delivery.js';
import type { Packet } from '../socket-io.js';
import { encodeBroadcast, encodeMessage } from '../wire/entry-codec.js';
import { wireOptions, type EncodedMessage, type WireOptions } from '../wire/message.js';
import { takeResponse } from './answers.js';

/** What all nodes are asked about their sockets. */
export interface SocketsQuestion<T> {
  /** What it is called in an error. */
  name: string;
  opts: WireOptions;
  /** The answer of this node itself. */
  own(): Promise<T[]>;
  /** Takes the answer of another node. */
  take(data: unknown, uid: string): readonly T[];
}

/** Called with the responses to serverSideEmit(). */
export type ServerSideAck = (error: Error | null, responses: unknown[]) => void;

/** What a namespace asks of all nodes that have it. */
export class Questions {
  /** What this node itself does about a request, where it does so when it reads it back. */
  readonly #ownShare = new Map<string, () => void>();
  #ended = false;

  constructor(
    private readonly namespace: string,
    private readonly node: ClusterNode,
    private readonly delivery: Delivery,
    private readonly publish: (message: EncodedMessage, rooms: readonly string[]) => void,
  ) {}

  /** A request of this node was read back. */
  readBack(requestId: string): void {
    const share = this.#ownShare.get(requestId);
    this.#ownShare.delete(requestId);
    share?.();
  }

  /** A request of this node was not published, and will not be read back. */
  notPublished(requestId: string): void {
    this.#ownShare.delete(requestId);
  }

  /** The namespace is closed, and nothing is read back for it any more. What can still be asked of it is answered at once. */
  end(): void {
    this.#ended = true;
    for (const requestId of [...this.#ownShare.keys()]) {
      try {
        this.readBack(requestId);
      } catch (error) {
        this.node.handlerFailed(error);
      }
    }
  }

  get #readsBack(): boolean {
    return this.node.recovers && !this.#ended;
  }

  /** See https://socket.io/docs/v4/broadcasting-events/#with-acknowledgements */
  broadcast(
    packet: Packet,
    opts: BroadcastOptions,
    clientCountCallback: (clientCount: number) => void,
    ack: (...args: unknown[]) => void,
  ): void {
    const timeout = opts.flags?.timeout;
    const { requests, telemetry, options } = this.node;
    const requestId = requests.newId();
    const wire = wireOptions(opts);
    const message = encodeBroadcast(packet.data, wire, requestId, options.onlyPlaintext);
    const request = telemetry.request(this.namespace, 'broadcast_with_ack');
    const collector = new AckCollector(this.node.others(), clientCountCallback, ack, {
      telemetry: request,
      timeout: timeout ?? options.requestTimeout,
      foreign: this.node.foreign.count(this.namespace),
      onEnd: () => requests.close(requestId),
      onThrown: (error) => this.node.handlerFailed(error),
    });
    requests.track(requestId, collector);
    const deliver = (): void =>
      this.delivery.deliverWithAck(
        message.payload,
        opts,
        timeout,
        (count) => collector.localCount(count),
        (...args) => collector.localAck(args),
      );
    // which happens also when the time for answers is over by then
    const readsBack = this.#readsBack;
    if (readsBack) this.#ownShare.set(requestId, deliver);
    request.run(() => this.publish(message, wire.rooms));
    if (!readsBack) deliver();
  }

  /** Calls back with one response of each other node. */
  serverSideEmit(packet: unknown[], ack: ServerSideAck): void {
    const { requests, telemetry, options } = this.node;
    const requestId = requests.newId();
    const encoded = encodeMessage({ type: MessageType.SERVER_SIDE_EMIT, data: { packet, requestId } });
    const request = telemetry.request(this.namespace, 'server_side_emit');
    const answers = requests.collect<unknown>(requestId, {
      name: 'serverSideEmit()',
      nodes: this.node.others(),
      foreign: this.node.foreign.count(this.namespace),
      timeout: options.requestTimeout,
      telemetry: request,
      take: (data, from) => takeResponse(data, from),
    });
    request.run(() => this.publish(encoded, []));
    answers
      .then(
        (responses) => ack(null, responses),
        (error: Error & { responses?: unknown[] }) => ack(error, error.responses ?? []),
      )
      // of the application's own callback
      .catch((error: unknown) => this.node.handlerFailed(error));
  }

  /** Asks every node about its sockets. */
  async sockets<T>(question: SocketsQuestion<T>): Promise<T[]> {
    const { name, opts, own, take } = question;
    const { requests, telemetry, options, uid } = this.node;
    const requestId = requests.newId();
    const encoded = encodeMessage({ type: MessageType.FETCH_SOCKETS, data: { opts, requestId } });
    const answer = this.#readsBack
      ? new Promise<T[]>((resolve) => this.#ownShare.set(requestId, () => resolve(own())))
      : own();
    const request = telemetry.request(this.namespace, 'fetch_sockets');
    const answers = requests.collect<T>(requestId, {
      name,
      nodes: this.node.others(),
      foreign: this.node.foreign.count(this.namespace),
      own: { uid, answer },
      timeout: opts.flags.timeout ?? options.requestTimeout,
      telemetry: request,
      take,
    });
    request.run(() => this.publish(encoded, opts.rooms));
    return answers;
  }
}
