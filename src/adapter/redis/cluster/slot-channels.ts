import type { Connection } from '../connection.js';
import type { ChannelListener } from '../driver.js';
import { Handover } from './handover.js';
import { redirectionIn } from './redirection.js';
import type { Topology } from './topology.js';

/** How long the same message may come over the next connection after it came over the former, in milliseconds. */
const HANDOVER_TIME = 5_000;

/** The channels of one hash slot, which are listened to where the slot is. */
export class SlotChannels {
  readonly #listeners = new Map<string, ChannelListener>();
  #node: Connection | undefined;
  /** The node that was left, until the next one has confirmed the subscriptions. */
  #former: Connection | undefined;
  #handovers = new Map<string, Handover>();
  #timer: NodeJS.Timeout | undefined;
  /** Subscriptions that are under way to the node. */
  #moves: object | undefined;

  constructor(
    private readonly options: { sharded: boolean; topology: Topology },
    /** The subscriptions are where the slot is, or are to be looked for again. */
    private readonly onMoved: () => void,
  ) {}

  get size(): number {
    return this.#listeners.size;
  }

  /** Whether subscriptions are under way to the node that has the slot. */
  get moving(): boolean {
    return this.#moves !== undefined;
  }

  /** Whether the channels are still listened to where the slot was: every node of a cluster knows channels that are not sharded. */
  get covered(): boolean {
    return this.#former?.state === 'ready';
  }

  /** A channel has one listener, the first. */
  add(channel: string, listener: ChannelListener): void {
    if (!this.#listeners.has(channel)) this.#listeners.set(channel, listener);
  }

  async subscribe(channel: string): Promise<void> {
    const node = this.#node;
    if (node === undefined) return;
    try {
      await this.#listen(node, channel);
    } catch (error) {
      const redirection = redirectionIn(error);
      if (redirection?.kind === 'moved') this.options.topology.moved(redirection.slot, redirection.address);
      throw error;
    }
  }

  async remove(channel: string): Promise<void> {
    if (!this.#listeners.delete(channel)) return;
    this.#former?.unsubscribe(channel).catch(() => undefined);
    await this.#node?.unsubscribe(channel);
  }

  moveTo(node: Connection | undefined): void {
    const left = this.#node;
    this.#node = node;
    if (this.#listeners.size === 0) return;
    if (this.#former === undefined) this.#former = left;
    else if (left !== undefined) this.#leave(left);
    // back again, before it was left
    if (this.#former === node) this.#former = undefined;
    if (this.options.sharded || this.#former?.state !== 'ready') this.#leaveFormer();
    else this.#handovers = new Map([...this.#listeners.keys()].map((channel) => [channel, new Handover()]));
    const moves = (this.#moves = {});
    const channels = node === undefined ? [] : [...this.#listeners.keys()];
    void Promise.allSettled(channels.map((channel) => this.#listen(node!, channel))).then((results) => {
      if (this.#moves !== moves) return;
      this.#moves = undefined;
      // refused: the attempt to connect says why, and the next look at the cluster where to
      if (results.some(({ status }) => status === 'rejected')) node?.interrupt();
      else if (node) this.#leaveFormer();
      this.onMoved();
    });
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #listen(node: Connection, channel: string): Promise<void> {
    return node.subscribe(channel, (payload) => {
      const from = node === this.#node ? 'next' : node === this.#former ? 'former' : undefined;
      if (from === undefined || this.#handovers.get(channel)?.take(from, payload) === false) return;
      this.#listeners.get(channel)?.(payload);
    });
  }

  #leaveFormer(): void {
    const former = this.#former;
    this.#former = undefined;
    if (former === undefined) return;
    this.#leave(former);
    clearTimeout(this.#timer);
    // the way over the next node may be the longer one
    this.#timer = setTimeout(() => (this.#handovers = new Map()), HANDOVER_TIME).unref();
  }

  #leave(node: Connection): void {
    for (const channel of this.#listeners.keys()) node.unsubscribe(channel).catch(() => undefined);
  }
}
