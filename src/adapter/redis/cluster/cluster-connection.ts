import { withDeadline } from '../../deadline.js';
import type { ConnectionRole, ConnectionState } from '../../telemetry-port.js';
import type { ChannelListener, RedisArgument, RedisConnection } from '../driver.js';
import type { DriverSettings } from '../driver-settings.js';
import { Readiness } from '../readiness.js';
import type { ServerAddress } from '../server-address.js';
import { commandKey } from './command-key.js';
import { hashSlot } from './hash-slot.js';
import { NodePool } from './node-pool.js';
import { redirect, usable } from './redirect.js';
import { SlotConnection } from './slot-connection.js';
import type { ClusterNodes, Topology } from './topology.js';

/** Longest wait for one node to say how many listen there, in milliseconds. */
const COUNT_TIMEOUT = 2_000;

/**
 * A connection to a Redis Cluster. It is ready when the masters of all keys and channels that it was asked for are reached; commands
 * for other keys find their masters, too.
 */
export class ClusterConnection implements RedisConnection {
  readonly #readiness = new Readiness();
  readonly #parts = new Map<number, SlotConnection>();
  /** Of the reader, each part waits in XREAD, and has a connection to itself. */
  readonly #ownPools = new Map<number, NodePool>();
  readonly #pool: NodePool;
  readonly #forget: () => void;

  constructor(
    readonly role: ConnectionRole,
    private readonly topology: Topology,
    private readonly cluster: ClusterNodes,
    private readonly settings: DriverSettings,
  ) {
    this.#pool = this.#newPool();
    this.#forget = topology.onChange(() => this.#onTopology());
    // not before the caller has asked for its keys
    queueMicrotask(() => this.#update());
  }

  get state(): ConnectionState {
    return this.#readiness.state;
  }

  get lastError(): Error | undefined {
    if (this.state === 'ready') return undefined;
    const unready = [...this.#parts.values()].find(({ state }) => state !== 'ready');
    return unready?.lastError ?? this.#pool.lastError ?? this.topology.lastError;
  }

  forKey(key: string): RedisConnection {
    return this.#part(hashSlot(key));
  }

  send(args: readonly RedisArgument[]): Promise<unknown> {
    if (args[0] === 'PUBSUB') return this.#countOn(this.topology.nodes.values(), args);
    return this.#to(args).send(args);
  }

  sendForBuffers(args: readonly RedisArgument[]): Promise<unknown> {
    return this.#to(args).sendForBuffers(args);
  }

  transaction(commands: ReadonlyArray<readonly RedisArgument[]>): Promise<unknown[]> {
    return this.#to(commands[0]!).transaction(commands);
  }

  async subscribe(channel: string, listener: ChannelListener): Promise<void> {
    await this.#part(this.#channelSlot(channel)).subscribe(channel, listener);
  }

  async unsubscribe(channel: string): Promise<void> {
    const slot = this.#channelSlot(channel);
    const part = this.#parts.get(slot);
    try {
      await part?.unsubscribe(channel);
    } finally {
      // whether the node was told or not: a slot without channels is not waited for
      if (part?.channelCount === 0 && this.role === 'subscriber') {
        part.close();
        this.#parts.delete(slot);
        this.#update();
      }
    }
  }

  /** Some may listen on another master than this process, as nobody is told that the slot has moved. */
  async listeners(channel: string): Promise<number> {
    const { nodes, masters } = this.topology;
    const addresses = [...masters].map((name) => nodes.get(name)!);
    const [, count] = await this.#countOn(addresses, ['PUBSUB', 'NUMSUB', channel]);
    return count as number;
  }

  lookAgain(): void {
    this.topology.refresh().catch(() => undefined);
  }

  whenReady(signal?: AbortSignal): Promise<void> {
    return this.#readiness.whenReady(signal);
  }

  interrupt(): void {
    this.lookAgain();
    for (const pool of this.#pools()) pool.interrupt();
  }

  close(): void {
    if (!this.#readiness.close()) return;
    this.#forget();
    this.topology.found(this);
    for (const part of this.#parts.values()) part.close();
    for (const pool of this.#pools()) pool.close();
  }

  on(event: 'ready' | 'lost', listener: (error?: Error) => void): void {
    this.#readiness.on(event, listener);
  }

  #newPool(): NodePool {
    return new NodePool(this.role, this.cluster, this.settings.telemetry, () => this.#update());
  }

  *#pools(): Generator<NodePool> {
    yield this.#pool;
    yield* this.#ownPools.values();
  }

  #part(slot: number): SlotConnection {
    let part = this.#parts.get(slot);
    if (part === undefined) {
      const exclusive = this.role === 'reader';
      const pool = exclusive ? this.#newPool() : this.#pool;
      if (exclusive) this.#ownPools.set(slot, pool);
      part = new SlotConnection(slot, this.role, this.topology, pool, exclusive, this);
      this.#parts.set(slot, part);
      if (this.state === 'closed') part.close();
      else this.#update();
    }
    return part;
  }

  /** Where a command goes. */
  #to(args: readonly RedisArgument[]): Pick<RedisConnection, 'send' | 'sendForBuffers' | 'transaction'> {
    const key = commandKey(args) ?? '';
    const slot = args[0] === 'PUBLISH' ? this.#channelSlot(String(key)) : hashSlot(key);
    const part = this.#parts.get(slot);
    if (part) return part;
    const route = { slot, topology: this.topology, pool: this.#pool, follow: true };
    return {
      send: (command) => redirect(route, (connection) => connection.send(command)),
      sendForBuffers: (command) => redirect(route, (connection) => connection.sendForBuffers(command)),
      transaction: (commands) => redirect(route, (connection) => connection.transaction(commands)),
    };
  }

  /**
   * A sharded channel has a slot as a key has. Of the other ones every node knows, but says only how many listen on it itself: all of
   * them are listened to on one, so that those who publish there learn how many there are.
   */
  #channelSlot(channel: string): number {
    return hashSlot(this.settings.useShardedPubSub ? channel : this.settings.channelPrefix);
  }

  /** The sum of what the nodes answer to PUBSUB NUMSUB, as each counts those on it alone. */
  async #countOn(nodes: Iterable<ServerAddress>, args: readonly RedisArgument[]): Promise<unknown[]> {
    const ask = async (node: ServerAddress): Promise<unknown> => (await usable(this.#pool, node)).send(args);
    const replies = await Promise.allSettled(
      [...nodes].map((node) => withDeadline(ask(node), AbortSignal.timeout(COUNT_TIMEOUT))),
    );
    const counts = replies.filter((reply) => reply.status === 'fulfilled').map(({ value }) => value as unknown[]);
    if (counts.length === 0) throw (replies[0] as PromiseRejectedResult | undefined)?.reason ?? this.lastError;
    return counts[0]!.map((one, index) =>
      index % 2 === 0 ? one : counts.reduce((sum, count) => sum + Number(count[index]), 0),
    );
  }

  #onTopology(): void {
    this.#update();
    // only now, as the parts let go of the former nodes first
    for (const pool of this.#pools()) pool.keep(this.topology.nodes);
    this.#lookOrRest();
  }

  #update(): void {
    if (this.state === 'closed') return;
    for (const part of this.#parts.values()) part.update();
    this.#lookOrRest();
    const parts = [...this.#parts.values()];
    const lost = parts.find(({ state }) => state === 'reconnecting');
    if (lost) this.#readiness.lost(lost.lastError);
    // a part that is new is no loss
    else if (this.topology.known && parts.every(({ state }) => state === 'ready')) this.#readiness.ready();
  }

  /** A master that is away may have failed for good, and another be in its place: of keys that have no part, nobody else looks for it. */
  #lookOrRest(): void {
    if (this.topology.known && this.#pool.reaches(this.topology.masters)) this.topology.found(this);
    else this.topology.search(this);
  }
}
