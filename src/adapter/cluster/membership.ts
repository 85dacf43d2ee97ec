import { MessageType } from 'socket.io-adapter';
import { refusalIn } from '../redis/refusal.js';
import { isStreamId } from '../stream/stream-id.js';
import type { TelemetryPort } from '../telemetry-port.js';
import type { Bus, BusMessage } from './bus.js';
import { disagreement, parseLayout, type ClusterLayout } from './layout.js';

/** What a node says of itself in a heartbeat. */
export interface Heartbeat {
  /** Of each stream that the node has published to: the number and the id of its last entry there. */
  published: Array<{ stream: string; seq: number; id: string }>;
  /** What has to be the same everywhere. */
  layout?: ClusterLayout;
  /** The node has been introduced to the one that this is for. */
  answer?: boolean;
}

export interface MembershipOptions {
  uid: string;
  heartbeatInterval: number;
  heartbeatTimeout: number;
  /** What has to be the same everywhere. */
  layout: ClusterLayout;
}

export interface MembershipListener {
  onJoined(uid: string, clusterSize: number): void;
  onLeft(uid: string, reason: 'left' | 'lost', clusterSize: number): void;
  onHeartbeat(uid: string, heartbeat: Heartbeat): void;
  /** A node is about that cannot be in the same cluster. */
  onStranger(error: Error): void;
  /** Redis takes the heartbeats of this node, but none comes back to it. */
  onDeaf(): void;
  /** Redis refuses the heartbeats of this node. */
  onRefused(reason: string): void;
}

/** Another node, as this one knows it. */
export interface Member {
  uid: string;
  /** In milliseconds since the epoch. */
  since: number;
  /** In milliseconds since the epoch; to be shown. */
  lastSeen: number;
  /** The same by `performance.now()`, which is what counts: a clock that is set keeps nobody in the cluster. */
  heard: number;
}

/** Longest wait for the answers to the first heartbeat, in milliseconds. */
const GREETING_TIMEOUT = 2_000;

/** Who is in the cluster. One heartbeat a node and interval, however many namespaces it has, and none of it in the stream. */
export class Membership {
  readonly #members = new Map<string, Member>();
  /** Nodes that said farewell, and when; an answer of theirs that is still under way does not bring them back. */
  readonly #departed = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  /** The others may know of us. */
  #introduced = false;
  /** When our own heartbeat last came back, by `performance.now()`: proof that the channel works and that this process runs. */
  #echo: number | undefined;
  #lastEcho: number | undefined;
  /** Since when what is sent is heard without a break: only in that time is silence a sign. */
  #steadySince = Number.NEGATIVE_INFINITY;
  /** Heartbeats sent since the last that came back. */
  #unheard = 0;
  #answered: (() => void) | undefined;
  #refused: ((error: Error) => void) | undefined;
  #answers = new Set<string>();

  constructor(
    private readonly bus: Bus,
    private readonly options: MembershipOptions,
    private readonly telemetry: TelemetryPort,
    /** See {@link Heartbeat.published}. */
    private readonly published: () => Heartbeat['published'],
    private readonly listener: MembershipListener,
  ) {}

  get members(): ReadonlyMap<string, Member> {
    return this.#members;
  }

  /** Nodes in the cluster, this one included. */
  get size(): number {
    return this.#members.size + 1;
  }

  /** When a heartbeat of this node last came back to it, in milliseconds since the epoch. */
  get lastEcho(): number | undefined {
    return this.#lastEcho;
  }

  /** For how long what this node sends has come back to it without a break, in milliseconds; 0 while it does not. */
  get hearingFor(): number {
    const now = performance.now();
    return this.#isAway(now) ? 0 : now - this.#steadySince;
  }

  /**
   * Introduces this node and waits for every other one to answer, so that it knows them all from the start.
   *
   * @throws {InvalidOptionError} when they could not hear each other. This node is in no cluster then, and may try again.
   */
  async join(): Promise<void> {
    let expected = Number.POSITIVE_INFINITY;
    const complete = new Promise<void>((resolve, reject) => {
      this.#refused = reject;
      this.#answered = () => {
        if (this.#answers.size >= expected) resolve();
      };
    });
    complete.catch(() => undefined);
    this.#introduced = true;
    expected = await this.#observed(() => this.bus.announce(this.#message(MessageType.INITIAL_HEARTBEAT)));
    this.#answered?.();
    this.#timer = this.telemetry.background(() => setInterval(() => this.#beat(), this.options.heartbeatInterval));
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.min(GREETING_TIMEOUT, this.options.heartbeatTimeout));
    });
    try {
      await Promise.race([complete, timeout]);
    } catch (error) {
      this.stop();
      throw error;
    } finally {
      clearTimeout(timer);
      this.#answered = this.#refused = undefined;
      this.#answers.clear();
    }
  }

  /** Says farewell, so that nobody waits for this node. */
  async leave(): Promise<void> {
    this.stop();
    if (this.#introduced) await this.#send(MessageType.ADAPTER_CLOSE);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The subscription was away: who was silent meanwhile may well be alive. */
  resume(): void {
    this.#steadySince = performance.now();
    this.#unheard = 0;
    this.#beat();
  }

  /** Takes a message of another node as a sign of life, and acts on heartbeats and farewells. */
  receive(message: BusMessage): void {
    if (message.uid === this.options.uid) return this.#heardItself();
    if (message.type === MessageType.ADAPTER_CLOSE) {
      this.#departed.set(message.uid, performance.now());
      this.#remove(message.uid, 'left');
      return;
    }
    if (this.#departed.has(message.uid)) return;
    const heartbeat = parseHeartbeat(message.data);
    const stranger = this.#disagreementWith(message.uid, heartbeat);
    if (stranger) return this.#meet(message, heartbeat, stranger);
    this.#see(message.uid);
    if (message.type === MessageType.INITIAL_HEARTBEAT) void this.#answer(message.uid);
    // one that was on its way before does not tell that this node is known
    if (this.#answered && heartbeat.answer) {
      this.#answers.add(message.uid);
      this.#answered();
    }
    this.listener.onHeartbeat(message.uid, heartbeat);
  }

  /** An answer or an entry came from the node: it is alive. `false` when it is not in the cluster. */
  alive(uid: string): boolean {
    const member = this.#members.get(uid);
    if (member === undefined) return false;
    this.#hear(member);
    return true;
  }

  #disagreementWith(uid: string, { layout }: Heartbeat): Error | undefined {
    return layout && disagreement(this.options.layout, uid, layout);
  }

  /** The one that comes later is told by an answer, and does not join. */
  #meet({ uid, type }: BusMessage, { answer }: Heartbeat, stranger: Error): void {
    if (answer) return this.#refused?.(stranger);
    if (type === MessageType.INITIAL_HEARTBEAT) void this.#answer(uid);
    this.listener.onStranger(stranger);
  }

  #see(uid: string): void {
    const known = this.#members.get(uid);
    this.telemetry.heartbeatReceived(known && performance.now() - known.heard);
    if (known) return this.#hear(known);
    const now = Date.now();
    this.#members.set(uid, { uid, since: now, lastSeen: now, heard: performance.now() });
    this.telemetry.transition('joined', uid, this.size);
    this.listener.onJoined(uid, this.size);
  }

  #hear(member: Member): void {
    member.lastSeen = Date.now();
    member.heard = performance.now();
  }

  #remove(uid: string, reason: 'left' | 'lost'): void {
    if (!this.#members.delete(uid)) return;
    this.telemetry.transition(reason, uid, this.size);
    this.listener.onLeft(uid, reason, this.size);
  }

  #beat(): void {
    // counted, not timed: what is late because this process slept is on its way
    if (this.#unheard * this.options.heartbeatInterval > this.options.heartbeatTimeout) {
      this.#unheard = 0;
      this.listener.onDeaf();
    }
    this.#send(MessageType.HEARTBEAT).then(
      (heard) => {
        this.#unheard++;
        if (heard !== undefined && heard < this.size) this.bus.lookAgain();
      },
      (error: unknown) => {
        const reason = refusalIn(error);
        if (reason !== undefined) this.listener.onRefused(reason);
      },
    );
  }

  #heardItself(): void {
    const now = performance.now();
    // the channel, or this process, was away: what the others have sent meanwhile may come in after this
    if (this.#isAway(now)) this.#steadySince = now;
    this.#echo = now;
    this.#lastEcho = Date.now();
    this.#unheard = 0;
    this.#forgetTheLost(now);
  }

  #isAway(now: number): boolean {
    return this.#echo === undefined || now - this.#echo > 2 * this.options.heartbeatInterval;
  }

  /** With our own heartbeat, whatever the others had sent before it has come: not on a timer, which may be first after a pause. */
  #forgetTheLost(now: number): void {
    for (const { uid, heard } of [...this.#members.values()]) {
      if (now - Math.max(heard, this.#steadySince) > this.options.heartbeatTimeout) this.#remove(uid, 'lost');
    }
    for (const [uid, since] of this.#departed) {
      if (now - since > this.options.heartbeatTimeout) this.#departed.delete(uid);
    }
  }

  async #answer(uid: string): Promise<void> {
    try {
      const answer = this.#message(MessageType.HEARTBEAT, { answer: true });
      // a newcomer knows the cluster as it is, and so may listen elsewhere by now
      if ((await this.bus.publish(this.bus.nodeChannel(uid), answer)) === 0) this.bus.lookAgain();
    } catch {
      // the newcomer hears the next regular heartbeat
    }
  }

  #send(type: MessageType): Promise<number | undefined> {
    return this.#observed(() => this.bus.publish(this.bus.clusterChannel, this.#message(type)));
  }

  async #observed<T>(send: () => Promise<T>): Promise<T> {
    const operation = this.telemetry.heartbeatSent(this.bus.clusterChannel);
    try {
      const result = await send();
      operation.end();
      return result;
    } catch (error) {
      operation.end(error);
      throw error;
    }
  }

  #message(type: MessageType, more?: { answer: true }): BusMessage {
    const { uid, layout } = this.options;
    const data: Heartbeat = { published: this.published(), layout, ...more };
    return { uid, type, data };
  }
}

function parseHeartbeat(raw: unknown): Heartbeat {
  const { published, layout, answer } = (raw ?? {}) as Partial<Record<keyof Heartbeat, unknown>>;
  const parsed = parseLayout(layout);
  return {
    ...(parsed && { layout: parsed }),
    ...(answer === true && { answer }),
    published: Array.isArray(published)
      ? published.filter(
          (one: Partial<Heartbeat['published'][number]> | null) =>
            typeof one?.stream === 'string' && Number.isSafeInteger(one.seq) && isStreamId(one.id),
        )
      : [],
  };
}
