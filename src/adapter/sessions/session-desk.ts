import type { BusMessage } from '../cluster/bus.js';
import type { ClusterNode } from '../cluster-node.js';
import { withDeadline } from '../deadline.js';
import { AdapterClosedError, RequestTimeoutError } from '../errors.js';
import { pause } from '../timers.js';
import type { Recovery } from './recovery.js';
import { decodeSession, type StoredSession } from './session.js';

const QUERY = 'session_query';
const ANSWER = 'session_answer';

/** Whether another node had to do with a session; `undefined` while they could not be asked. */
type Answer = 'somebody' | 'nobody' | undefined;

/** Longest wait for what the other nodes say about one session, in milliseconds. */
const QUERY_TIMEOUT = 3_000;

/** A node that is connecting to Redis again hears nothing: it is asked again after this time, in milliseconds. */
const QUERY_INTERVAL = 1_000;

/** A node that is long about writing a session says after this time, in milliseconds, that it has it: it must not be taken for dead. */
const WRITE_PATIENCE = 1_000;

/** Time until a session that another node holds is tried again, in milliseconds. */
const RETRY_DELAY = 50;

/** Agrees with the other nodes which of them has a session. */
export class SessionDesk {
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly node: ClusterNode) {}

  /**
   * Takes the session of a client that has come back. The node that it was connected to may not have noticed yet that it is gone, or
   * may be about to write the session: it is asked to let go first.
   *
   * @returns `undefined` when no node and not Redis has the session.
   */
  async claim(pid: string, signal: AbortSignal): Promise<StoredSession | undefined> {
    const token = `${this.node.uid}:${this.node.requests.newId()}`;
    let answer: Answer;
    for (;;) {
      if (this.node.closed) throw new AdapterClosedError('The adapter was closed.');
      await withDeadline(this.#surrender(pid), signal);
      const found = await this.#take(pid, token, signal);
      if (typeof found === 'object') {
        if (answer !== undefined || !this.#isElsewhere(found)) return found;
        await withDeadline(this.node.sessions.release(pid), signal);
      } else if (found === 'none' && answer === 'nobody') {
        return undefined;
      }
      answer = await this.#ask(pid, signal);
      if (answer !== undefined && found !== 'taken') continue;
      await withDeadline(pause(RETRY_DELAY), signal);
    }
  }

  /** See {@link ClaimListener.onRenewal}. */
  review(pid: string): void {
    for (const recovery of this.#recoveries()) recovery.review(pid);
  }

  /** See {@link ClaimListener.onLost}. */
  lost(pid: string): void {
    for (const recovery of this.#recoveries()) recovery.lost(pid);
  }

  /** Takes a message about a session; `false` when it is about something else. */
  receive(message: BusMessage): boolean {
    const { type, uid } = message;
    const { pid, requestId } = (message.data ?? {}) as { pid?: unknown; requestId?: unknown };
    if (type === ANSWER) {
      if (typeof requestId === 'string') this.node.requests.answer(requestId, uid, message.data);
      return true;
    }
    if (type !== QUERY) return false;
    if (uid !== this.node.uid && typeof pid === 'string' && typeof requestId === 'string') {
      this.node.telemetry.within(message, () => void this.#answer(uid, pid, requestId));
    }
    return true;
  }

  /** Writes the sessions of connected clients now and then, so that they outlive this process. */
  keepSessions(): void {
    this.#timer = setInterval(() => {
      for (const recovery of this.#recoveries()) recovery.keepAll();
    }, this.node.options.heartbeatInterval);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #recoveries(): Recovery[] {
    return [...this.node.adapters.values()].flatMap(({ recovery }) => recovery ?? []);
  }

  async #take(pid: string, token: string, signal: AbortSignal): Promise<StoredSession | 'taken' | 'none'> {
    const { sessions } = this.node;
    if (!(await sessions.claim(pid, token, signal))) return 'taken';
    let session: StoredSession | undefined;
    try {
      session = decodeSession(await sessions.load(pid, signal));
    } finally {
      if (session === undefined) void sessions.release(pid).catch(() => undefined);
    }
    return session ?? 'none';
  }

  /** The client was connected to another node when the session was written, and that node may be alive. */
  #isElsewhere({ owner }: StoredSession): boolean {
    return owner !== undefined && this.node.membership.members.has(owner);
  }

  async #ask(pid: string, signal: AbortSignal): Promise<Answer> {
    const { requests, bus, uid, telemetry } = this.node;
    const nodes = this.node.others();
    if (nodes.length === 0) return 'nobody';
    const requestId = requests.newId();
    const answers = requests.collect<boolean>(requestId, {
      name: 'The look-up of a session',
      nodes,
      foreign: Promise.resolve(0),
      timeout: QUERY_TIMEOUT,
      telemetry: undefined,
      take: (data) => [(data as { held?: unknown }).held === true],
    });
    const query = (): Promise<unknown> =>
      bus.publish(bus.clusterChannel, { uid, type: QUERY, data: { pid, requestId }, ...telemetry.carry() });
    const timer = setInterval(() => void query().catch(() => undefined), QUERY_INTERVAL);
    try {
      await withDeadline(query(), signal);
      return (await withDeadline(answers, signal)).includes(true) ? 'somebody' : 'nobody';
    } catch (error) {
      signal.throwIfAborted();
      // a node that says nothing for this long has nothing, or is dead
      if (error instanceof RequestTimeoutError) return error.responses.includes(true) ? 'somebody' : 'nobody';
      return undefined;
    } finally {
      clearInterval(timer);
    }
  }

  async #answer(to: string, pid: string, requestId: string): Promise<void> {
    try {
      const held = await this.#letGo(pid);
      const { sessions } = this.node;
      if (sessions.isPending(pid)) {
        await withDeadline(sessions.settled(pid), AbortSignal.timeout(WRITE_PATIENCE)).catch(() => undefined);
      }
      await this.node.bus.publish(this.node.bus.nodeChannel(to), {
        uid: this.node.uid,
        type: ANSWER,
        data: { requestId, held },
      });
    } catch {
      // the node that asked tries again
    }
  }

  /** Lets go of a session of this node, if it has it. */
  async #letGo(pid: string): Promise<boolean> {
    let held = this.node.sessions.isPending(pid);
    for (const recovery of this.#recoveries()) {
      if (await recovery.surrender(pid)) held = true;
    }
    return held || this.node.sessions.isPending(pid);
  }

  /** Lets go of a session of this node, and waits until it is in Redis. */
  async #surrender(pid: string): Promise<void> {
    await this.#letGo(pid);
    await this.node.sessions.settled(pid);
  }
}
