import { io } from '/socket.io/socket.io.esm.min.js';

const ANSWER_TIMEOUT_MS = 10_000;

/** The connection to whichever node the balancer chose. */
export class Connection {
  #dropped = false;

  /**
   * @param listener is told of every change (`changed`), of each time that the connection stands again (`connected`) or is
   * lost (`disconnected`), when the server lets nobody in by this name (`refused`), and of what the server sends (`message`,
   * `presence`, `typing`).
   */
  constructor(name, listener) {
    this.state = 'connecting';
    this.node = undefined;
    this.pid = undefined;
    this.listener = listener;
    /** The ids that this page has had: a message with one of them is its own. */
    this.ids = new Set();
    /** What was missed, while there is no connection. */
    this.away = undefined;
    this.socket = io({ auth: { name }, reconnectionDelayMax: 2_000 });
    this.socket.on('connect', () => void this.#connected());
    this.socket.on('disconnect', () => this.#disconnected());
    this.socket.on('connect_error', (error) => {
      // `active` is false when the server said no; otherwise the client goes on trying.
      if (!this.socket.active) {
        this.#change('offline');
        listener.refused(error.message);
      }
    });
    this.socket.on('message', (message) => {
      const restored = this.away !== undefined;
      if (restored) {
        this.away.missed += 1;
      }
      listener.message(message, { own: this.ids.has(message.from.id), restored });
    });
    this.socket.on('presence', listener.presence);
    this.socket.on('typing', listener.typing);
  }

  get transport() {
    return this.socket.io.engine?.transport?.name;
  }

  /** Calls the server and resolves with its answer; rejects with what went wrong, as a sentence. */
  async call(event, ...body) {
    let answer;
    try {
      answer = await this.socket.timeout(ANSWER_TIMEOUT_MS).emitWithAck(event, ...body);
    } catch {
      throw new Error('The server did not answer in time. Try again.');
    }
    if (answer.error) {
      throw new Error(answer.error);
    }
    return answer;
  }

  /** Tells the server, unless it is not there right now. */
  tell(event, body) {
    this.socket.volatile.emit(event, body);
  }

  /** Cuts the transport, as a tunnel or a change of networks does, and comes back after `ms` milliseconds. */
  drop(ms) {
    const manager = this.socket.io;
    this.#dropped = true;
    manager.reconnection(false);
    manager.engine.close();
    setTimeout(() => {
      this.#dropped = false;
      manager.reconnection(true);
      this.#change('connecting');
      this.socket.connect();
    }, ms);
  }

  /** Takes another name; without a connection, tries to get one by that name. */
  async rename(name) {
    this.socket.auth = { name };
    if (this.socket.connected) {
      await this.call('rename', { name });
    } else {
      this.socket.connect();
    }
  }

  async #connected() {
    this.ids.add(this.socket.id);
    const { recovered } = this.socket;
    const { node: before } = this;
    this.socket.io.engine.once('upgrade', () => this.listener.changed());
    try {
      ({ name: this.node, pid: this.pid } = await this.call('whoami'));
    } catch (error) {
      this.listener.refused(error.message);
      return;
    }
    // The server sent what was missed before it answered.
    const { away } = this;
    this.away = undefined;
    this.#change('connected');
    this.listener.connected({ first: away === undefined, recovered, missed: away?.missed ?? 0, before });
  }

  #disconnected() {
    this.away = { missed: 0 };
    this.#change(this.socket.active && !this.#dropped ? 'connecting' : 'offline');
    this.listener.disconnected();
  }

  #change(state) {
    this.state = state;
    this.listener.changed();
  }
}
