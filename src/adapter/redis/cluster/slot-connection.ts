import type { ConnectionRole, ConnectionState } from '../../telemetry-port.js';
import type { Connection } from '../connection.js';
import type { ChannelListener, RedisArgument, RedisConnection } from '../driver.js';
import { Readiness } from '../readiness.js';
import { addressText, type ServerAddress } from '../server-address.js';
import type { NodePool } from './node-pool.js';
import { redirect } from './redirect.js';
import { redirectionIn } from './redirection.js';
import type { Topology } from './topology.js';

/** What leads to the master of one hash slot of a cluster, whichever node that is at the moment. */
export class SlotConnection implements RedisConnection {
  readonly #readiness = new Readiness();
  readonly #channels = new Map<string, ChannelListener>();
  #node: Connection | undefined;
  /** Subscriptions that are under way to the node. */
  #settling: object | undefined;

  constructor(
    private readonly slot: number,
    readonly role: ConnectionRole,
    private readonly topology: Topology,
    private readonly pool: NodePool,
    /** Nobody else uses the pool. */
    private readonly exclusive: boolean,
    private readonly whole: RedisConnection,
  ) {}

  get state(): ConnectionState {
    return this.#readiness.state;
  }

  get lastError(): Error | undefined {
    return this.#node?.lastError ?? this.topology.lastError;
  }

  get channelCount(): number {
    return this.#channels.size;
  }

  /** Follows the slot, and tells whether its node can be reached. To be called when something has changed. */
  update(): void {
    if (this.state === 'closed') return;
    const address = this.topology.ownerOf(this.slot);
    const node = address && this.pool.get(address);
    if (node !== this.#node) this.#moveTo(node, address);
    if (this.#node?.state === 'ready' && this.#settling === undefined) {
      this.topology.found(this);
      this.#readiness.ready();
    } else {
      this.topology.search(this);
      this.#readiness.lost(this.lastError);
    }
  }

  forKey(key: string): RedisConnection {
    return this.whole.forKey(key);
  }

  send(args: readonly RedisArgument[]): Promise<unknown> {
    return this.#redirect(args, (connection) => connection.send(args));
  }

  sendForBuffers(args: readonly RedisArgument[]): Promise<unknown> {
    return this.#redirect(args, (connection) => connection.sendForBuffers(args));
  }

  transaction(commands: ReadonlyArray<readonly RedisArgument[]>): Promise<unknown[]> {
    return this.#redirect(undefined, (connection) => connection.transaction(commands));
  }

  async subscribe(channel: string, listener: ChannelListener): Promise<void> {
    if (!this.#channels.has(channel)) this.#channels.set(channel, listener);
    for (;;) {
      await this.whenReady();
      const node = this.#node!;
      try {
        return await this.#listen(node, channel);
      } catch (error) {
        const redirection = redirectionIn(error);
        if (redirection?.kind !== 'moved') throw error;
        this.topology.moved(redirection.slot, redirection.address);
        if (node === this.#node) throw error;
      }
    }
  }

  async unsubscribe(channel: string): Promise<void> {
    if (this.#channels.delete(channel)) await this.#node?.unsubscribe(channel);
  }

  whenReady(signal?: AbortSignal): Promise<void> {
    return this.#readiness.whenReady(signal);
  }

  interrupt(): void {
    // the node may be silent because it is no longer the one that has the slot
    this.topology.refresh().catch(() => undefined);
    if (this.exclusive) this.pool.interrupt();
    else this.#node?.interrupt();
  }

  close(): void {
    this.topology.found(this);
    this.#readiness.close();
  }

  on(event: 'ready' | 'lost', listener: (error?: Error) => void): void {
    this.#readiness.on(event, listener);
  }

  #redirect<T>(args: readonly RedisArgument[] | undefined, run: (connection: Connection) => Promise<T>): Promise<T> {
    const { slot, topology, pool } = this;
    // what is read on after a failover has to be compared with what was read before
    const follow = args?.[0] !== 'XREAD';
    return redirect({ slot, topology, pool, follow }, run);
  }

  /** For a moment two nodes may pass the same message on: the one that is left is not listened to any more. */
  #listen(node: Connection, channel: string): Promise<void> {
    return node.subscribe(channel, (payload) => {
      if (node === this.#node) this.#channels.get(channel)?.(payload);
    });
  }

  #moveTo(node: Connection | undefined, address: ServerAddress | undefined): void {
    // two nodes are two connections: what was under way to one of them is not under way to the other
    this.#readiness.lost(undefined);
    const former = this.#node;
    this.#node = node;
    // what still waits at the former node would wait there for nothing
    if (this.exclusive) this.pool.keep({ has: (name) => address !== undefined && name === addressText(address) });
    if (this.#channels.size === 0) return;
    const settling = (this.#settling = {});
    const moves = [...this.#channels.keys()].map(async (channel) => {
      former?.unsubscribe(channel).catch(() => undefined);
      if (node) await this.#listen(node, channel);
    });
    void Promise.allSettled(moves).then((results) => {
      if (this.#settling !== settling) return;
      this.#settling = undefined;
      // refused: the attempt to connect says why, and the next look at the cluster where to
      if (results.some(({ status }) => status === 'rejected')) node?.interrupt();
      this.update();
    });
  }
}
