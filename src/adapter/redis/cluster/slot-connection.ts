import type { ConnectionRole, ConnectionState } from '../../telemetry-port.js';
import type { Connection } from '../connection.js';
import type { ChannelListener, RedisArgument, RedisConnection } from '../driver.js';
import { Readiness } from '../readiness.js';
import { addressText, type ServerAddress } from '../server-address.js';
import type { NodePool } from './node-pool.js';
import { redirect } from './redirect.js';
import { SlotChannels } from './slot-channels.js';
import type { Topology } from './topology.js';

export interface SlotOptions {
  slot: number;
  topology: Topology;
  pool: NodePool;
  /** Nobody else uses the pool. */
  exclusive: boolean;
  /** A channel is known to the node that has the slot alone. */
  sharded: boolean;
}

/** What leads to the master of one hash slot of a cluster, whichever node that is at the moment. */
export class SlotConnection implements RedisConnection {
  readonly #readiness = new Readiness();
  readonly #channels: SlotChannels;
  #node: Connection | undefined;

  constructor(
    readonly role: ConnectionRole,
    private readonly options: SlotOptions,
    private readonly whole: RedisConnection,
  ) {
    this.#channels = new SlotChannels(options, () => this.update());
  }

  get state(): ConnectionState {
    return this.#readiness.state;
  }

  get lastError(): Error | undefined {
    return this.#node?.lastError ?? this.options.topology.lastError;
  }

  get channelCount(): number {
    return this.#channels.size;
  }

  /** Follows the slot, and tells whether its node can be reached. To be called when something has changed. */
  update(): void {
    if (this.state === 'closed') return;
    const { slot, topology, pool } = this.options;
    const address = topology.ownerOf(slot);
    const node = address && pool.get(address);
    if (node !== this.#node) this.#moveTo(node, address);
    const arrived = this.#node?.state === 'ready' && !this.#channels.moving;
    if (arrived) topology.found(this);
    else topology.search(this);
    if (arrived || this.#channels.covered) this.#readiness.ready();
    else this.#readiness.lost(this.lastError);
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
    this.#channels.add(channel, listener);
    await this.whenReady();
    await this.#channels.subscribe(channel);
  }

  unsubscribe(channel: string): Promise<void> {
    return this.#channels.remove(channel);
  }

  whenReady(signal?: AbortSignal): Promise<void> {
    return this.#readiness.whenReady(signal);
  }

  interrupt(): void {
    const { topology, exclusive, pool } = this.options;
    // the node may be silent because it is no longer the one that has the slot
    topology.refresh().catch(() => undefined);
    if (exclusive) pool.interrupt();
    else this.#node?.interrupt();
  }

  close(): void {
    this.options.topology.found(this);
    this.#channels.close();
    this.#readiness.close();
  }

  on(event: 'ready' | 'lost', listener: (error?: Error) => void): void {
    this.#readiness.on(event, listener);
  }

  #redirect<T>(args: readonly RedisArgument[] | undefined, run: (connection: Connection) => Promise<T>): Promise<T> {
    // what is read on after a failover has to be compared with what was read before
    const follow = args?.[0] !== 'XREAD';
    return redirect({ ...this.options, follow }, run);
  }

  #moveTo(node: Connection | undefined, address: ServerAddress | undefined): void {
    const { exclusive, pool } = this.options;
    this.#node = node;
    this.#channels.moveTo(node);
    // what still waits at the former node would wait there for nothing
    if (exclusive) pool.keep({ has: (name) => address !== undefined && name === addressText(address) });
  }
}
