import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { decodePositions } from '../adapter/stream/positions.js';
import { waitFor, type WaitOptions } from './wait-for.js';

/** Options of a client: those of `io()`, and its namespace. See https://socket.io/docs/v4/client-options/ */
export interface ClientOptions extends Partial<ManagerOptions & SocketOptions> {
  /** Namespace to connect to. Default `/`. */
  namespace?: string;
}

/** An event that a client received. */
export interface ReceivedEvent {
  /** Its name. */
  event: string;
  /** What came with it, without the offset. */
  args: unknown[];
  /** What connection state recovery appended, if it did. */
  offset: string | undefined;
}

/** What of a client is private, and of use to tests. */
interface Internals {
  _pid: string | undefined;
  _lastOffset: string | undefined;
}

/**
 * A real client. It keeps everything that it receives, from the first packet on, and reconnects only when it is told to.
 *
 * Defaults of its options are those of `socket.io-client`, but for `transports: ['websocket']` and `reconnection: false`.
 */
export class TestClient {
  /** The Socket of `socket.io-client`. */
  readonly socket: Socket;
  /** Namespace that it connects to. */
  readonly namespace: string;
  /** Where it is connected, or was last. */
  url: string;
  readonly #events: ReceivedEvent[] = [];
  #disconnectReason: string | undefined;

  constructor(url: string, { namespace = '/', ...options }: ClientOptions = {}) {
    this.namespace = namespace;
    this.url = url;
    this.socket = io(url + namespace, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      autoConnect: false,
      ...options,
    });
    this.socket.onAny((event: string, ...args: unknown[]) => this.#keep(event, args));
    this.socket.on('disconnect', (reason) => (this.#disconnectReason = reason));
  }

  /** Id of the socket; empty while it has never been connected. */
  get id(): string {
    return this.socket.id ?? '';
  }

  /** The private session id, which together with the offset asks for a session to be restored. */
  get pid(): string | undefined {
    return (this.socket as unknown as Internals)._pid;
  }

  /** The offset with which the client would come back. */
  get offset(): string | undefined {
    return (this.socket as unknown as Internals)._lastOffset;
  }

  /** To come back with another one. */
  set offset(offset: string | undefined) {
    (this.socket as unknown as Internals)._lastOffset = offset;
  }

  /** Whether the session was restored at the last connection. */
  get recovered(): boolean {
    return this.socket.recovered;
  }

  /** Why it was disconnected last, as the client sees it. */
  get disconnectReason(): string | undefined {
    return this.#disconnectReason;
  }

  /** Every event so far, in order. */
  get events(): readonly ReceivedEvent[] {
    return this.#events;
  }

  /** The arguments of every `event` so far, in order, without offsets. */
  received(event: string): unknown[][] {
    return this.#events.filter((entry) => entry.event === event).map(({ args }) => args);
  }

  /** The offsets of every `event` so far. */
  offsets(event: string): (string | undefined)[] {
    return this.#events.filter((entry) => entry.event === event).map(({ offset }) => offset);
  }

  /** Waits until `event` came `count` times and resolves with the arguments of all of them. */
  async next(event: string, count = 1, options: WaitOptions = {}): Promise<unknown[][]> {
    await waitFor(() => this.received(event).length >= count, {
      what: () => `${count} times "${event}" at the client; ${this.received(event).length} came`,
      ...options,
    });
    return this.received(event);
  }

  /**
   * Connects, to another node if one is given, with the session that the client had before.
   *
   * @param to the node, or its URL.
   * @throws if the server refuses the client, or goes before it has let it in.
   */
  async connect(to?: { readonly url: string } | string): Promise<this> {
    if (to !== undefined) {
      this.url = typeof to === 'string' ? to : to.url;
      // The manager reads its address anew each time it opens; there is no public way to change it.
      Object.assign(this.socket.io, { uri: this.url });
    }
    this.#disconnectReason = undefined;
    await new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        this.socket.off('connect', connected).off('connect_error', failed).off('disconnect', lost);
      };
      const connected = (): void => (settle(), resolve());
      const failed = (error: Error): void => (settle(), reject(error));
      // of a node that stops, a client that comes back with a session hears nothing else
      const lost = (reason: string): void =>
        failed(new Error(`The client lost its connection before it was let in: ${reason}.`));
      this.socket.once('connect', connected).once('connect_error', failed).once('disconnect', lost);
      this.socket.connect();
    });
    return this;
  }

  /** Loses the connection without a word to the server, as a client does that goes through a tunnel. */
  async drop(): Promise<void> {
    this.socket.io.engine.close();
    await this.disconnected();
  }

  /** Resolves with the reason once the client is disconnected. */
  async disconnected(options: WaitOptions = {}): Promise<string> {
    return waitFor(() => this.#disconnectReason, { what: 'the client to be disconnected', ...options });
  }

  /** Disconnects for good. */
  close(): void {
    this.socket.disconnect();
  }

  #keep(event: string, args: unknown[]): void {
    const last = args.at(-1);
    const offset = this.pid !== undefined && typeof last === 'string' && decodePositions(last) ? last : undefined;
    this.#events.push({ event, args: offset === undefined ? args : args.slice(0, -1), offset });
  }
}
