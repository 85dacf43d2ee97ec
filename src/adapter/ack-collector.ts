import { MessageType } from 'socket.io-adapter';
import { AdapterClosedError, RequestTimeoutError } from './errors.js';
import type { RequestTelemetry } from './telemetry-port.js';

interface NodeShare {
  /** Clients that the node has asked; `undefined` until it says so. */
  clients: number | undefined;
  acks: number;
  /** The numbers of those that have come in: one that may not have been sent is sent again. */
  seen?: Set<unknown>;
}

/**
 * The acknowledgements of one broadcast, from all nodes.
 *
 * Socket.IO is told of the clients of a node only once all of them have answered, and of those that have answered when the node is
 * lost: so a node that dies between does not hold the broadcast up.
 */
export class AckCollector {
  readonly #nodes = new Map<string, NodeShare>();
  readonly #local: NodeShare = { clients: undefined, acks: 0 };
  readonly #timer: NodeJS.Timeout;
  readonly #known: Set<string>;
  /** Nodes of the peer package that have not said anything yet; they are known by number only. */
  #foreign: number | undefined;
  /** Nodes that are to answer, as far as they are known. */
  #asked: number;
  #answered = 0;
  #ended = false;

  constructor(
    nodes: readonly string[],
    private readonly clientCountCallback: (clientCount: number) => void,
    private readonly ack: (...args: unknown[]) => void,
    private readonly options: {
      telemetry: RequestTelemetry;
      timeout: number;
      foreign: Promise<number>;
      onEnd: () => void;
      /** Told what the callback of the application throws, where there is no caller to be told. */
      onThrown: (error: unknown) => void;
    },
  ) {
    for (const uid of nodes) this.#nodes.set(uid, { clients: undefined, acks: 0 });
    this.#asked = nodes.length;
    this.#known = new Set(nodes);
    void options.foreign.then((count) => {
      this.#foreign = count;
      this.#asked += count;
      this.#check();
    });
    this.#timer = setTimeout(() => this.#end(this.#timeout()), options.timeout);
    this.#timer.unref();
  }

  localCount(clients: number): void {
    this.#local.clients = clients;
    this.#tell(() => this.clientCountCallback(clients));
  }

  localAck(args: unknown[]): void {
    this.#local.acks++;
    this.#tell(() => this.ack(...args));
  }

  onAnswer(uid: string, data: unknown): void {
    const { type, clientCount, packet, absent, number } = data as Record<string, unknown>;
    if (!this.#known.has(uid)) {
      if (this.#foreign === undefined) {
        const { foreign, onThrown } = this.options;
        return void foreign.then(() => this.onAnswer(uid, data)).catch(onThrown);
      }
      // a node that joined meanwhile is not among those that Socket.IO counts on
      if (this.#foreign === 0) return;
      this.#foreign--;
      this.#known.add(uid);
      this.#nodes.set(uid, { clients: undefined, acks: 0 });
    }
    const share = this.#nodes.get(uid);
    if (share === undefined) return;
    if (absent === true) return this.#onDone(uid, 0);
    if (type === MessageType.BROADCAST_ACK) {
      // those of the peer package have no number, and are sent once
      share.seen ??= new Set();
      if (number !== undefined && share.seen.size === share.seen.add(number).size) return;
      share.acks++;
      this.ack(packet);
    } else if (type === MessageType.BROADCAST_CLIENT_COUNT) {
      share.clients = Number(clientCount);
    }
    if (share.clients !== undefined && share.acks >= share.clients) this.#onDone(uid, share.clients);
  }

  onNodeLost(uid: string): void {
    const share = this.#nodes.get(uid);
    if (share === undefined) return;
    try {
      this.#settle(uid, share.acks);
    } catch (error) {
      // the other requests that wait for the node are told, too
      this.options.onThrown(error);
    }
  }

  onFailed(error: Error): void {
    this.#end(error);
  }

  /** Socket.IO calls back when its own time is over: that not all have answered is told nowhere else. */
  onClosed(): void {
    this.#end(new AdapterClosedError('The broadcast with acknowledgement was given up: the adapter was closed.'));
  }

  #onDone(uid: string, clients: number): void {
    this.#answered++;
    this.#settle(uid, clients);
  }

  /** Nothing more is waited for of the node. */
  #settle(uid: string, clients: number): void {
    this.#nodes.delete(uid);
    this.#tell(() => this.clientCountCallback(clients));
  }

  /** Tells Socket.IO something, by which the callback of the application may be called, and may throw: it is complete all the same. */
  #tell(call: () => void): void {
    try {
      call();
    } finally {
      this.#check();
    }
  }

  #check(): void {
    const { clients, acks } = this.#local;
    if (this.#nodes.size === 0 && this.#foreign === 0 && clients !== undefined && acks >= clients) this.#end();
  }

  /** For the telemetry alone: the application is told by Socket.IO. */
  #timeout(): RequestTimeoutError {
    const missing = [...this.#nodes.keys()];
    const name = 'The broadcast with acknowledgement';
    const from = missing.join(', ') || 'clients of this node';
    return new RequestTimeoutError(
      `${name} timed out after ${this.options.timeout} ms: no answer from ${from}.`,
      missing,
      [],
    );
  }

  #end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.options.telemetry.end(this.#asked, this.#answered, error);
    this.options.onEnd();
  }
}
