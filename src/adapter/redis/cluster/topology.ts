import { withDeadline } from '../../deadline.js';
import { toError } from '../../errors.js';
import { pause } from '../../timers.js';
import type { OpenLink } from '../link.js';
import { addressText, type ServerAddress } from '../server-address.js';
import { SLOTS } from './hash-slot.js';

/** The nodes of a cluster, as one client library reaches them. */
export interface ClusterNodes {
  /** Those that the client was given to begin with. */
  readonly seeds: ReadonlyArray<{ host: string; open: OpenLink }>;
  /** Those that the cluster names. */
  open(address: ServerAddress): OpenLink;
}

/** Longest wait for what one node knows of the cluster, in milliseconds. */
const ASK_TIMEOUT = 5_000;

/** Pauses between two looks, while somebody cannot reach what they look for, in milliseconds. */
const SHORTEST_PAUSE = 50;
const LONGEST_PAUSE = 500;

/** Beginning of what those are called that are not known by their address. */
const SEED = 'seed ';

/** Which node of a cluster has which slot, for all connections to it. It is looked up when it is needed and when it proves wrong. */
export class Topology {
  lastError: Error | undefined;

  readonly #owners: Array<string | undefined> = Array.from({ length: SLOTS });
  #nodes = new Map<string, ServerAddress>();
  #known = false;
  #refreshing: Promise<void> | undefined;
  readonly #listeners = new Set<() => void>();
  /** Those who cannot reach what they look for. */
  readonly #searching = new Set<object>();
  #looking = false;
  /** When a node last failed to answer: it is asked last. */
  readonly #failed = new Map<string, number>();

  constructor(private readonly cluster: ClusterNodes) {}

  /** Whether the cluster was found. */
  get known(): boolean {
    return this.#known;
  }

  /** Every node, masters and replicas, by its address as text. */
  get nodes(): ReadonlyMap<string, ServerAddress> {
    return this.#nodes;
  }

  /** Those that have a slot, by their addresses as text. */
  get masters(): ReadonlySet<string> {
    return new Set(this.#owners.filter((owner) => owner !== undefined));
  }

  /** The master that has the slot. */
  ownerOf(slot: number): ServerAddress | undefined {
    return this.#nodes.get(this.#owners[slot] ?? '');
  }

  /** `listener` is called when a slot or a node has changed. Returns how to end that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A node has said that the slot is elsewhere. */
  moved(slot: number, { host, port }: ServerAddress): void {
    const address = { host: host || (this.ownerOf(slot)?.host ?? ''), port };
    const owner = addressText(address);
    if (this.#owners[slot] === owner) return;
    this.#owners[slot] = owner;
    this.#nodes.set(owner, address);
    this.#announce();
    // one slot seldom moves alone
    this.refresh().catch(() => undefined);
  }

  /** Looks at the cluster again and again until `searcher` has {@link found} what it looks for. */
  search(searcher: object): void {
    this.#searching.add(searcher);
    if (!this.#looking) void this.#keepLooking();
  }

  found(searcher: object): void {
    this.#searching.delete(searcher);
  }

  /** Asks one node after the other until one tells how the slots are spread. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #keepLooking(): Promise<void> {
    this.#looking = true;
    for (let looks = 0; this.#searching.size > 0; looks++) {
      await this.refresh().catch(() => undefined);
      const longest = Math.min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** Math.min(looks, 4));
      await pause(longest / 2 + (Math.random() * longest) / 2);
    }
    this.#looking = false;
  }

  async #refresh(): Promise<void> {
    const known = [...this.#nodes].map(([name, address]) => ({
      name,
      host: address.host,
      open: this.cluster.open(address),
    }));
    const seeds = this.cluster.seeds.map((seed, index) => ({ ...seed, name: SEED + index }));
    const candidates = [...shuffled(known), ...shuffled(seeds)].sort(
      (a, b) => (this.#failed.get(a.name) ?? 0) - (this.#failed.get(b.name) ?? 0),
    );
    for (const { name, host, open } of candidates) {
      try {
        this.#take(await ask(open), host);
        this.#failed.delete(name);
        this.lastError = undefined;
        return;
      } catch (error) {
        this.#failed.set(name, performance.now());
        this.lastError = toError(error);
      }
    }
    throw this.lastError ?? new Error('The client for the Redis Cluster was given no node to begin with.');
  }

  /** Notes a reply of CLUSTER SLOTS. */
  #take(reply: unknown, askedHost: string): void {
    const owners: Array<string | undefined> = Array.from({ length: SLOTS });
    const nodes = new Map<string, ServerAddress>();
    for (const [first, last, ...members] of reply as Array<[number, number, ...Array<[string | null, number]>]>) {
      const addresses = members.map(([host, port]) => ({ host: host || askedHost, port: Number(port) }));
      for (const address of addresses) nodes.set(addressText(address), address);
      if (addresses[0]) owners.fill(addressText(addresses[0]), Number(first), Number(last) + 1);
    }
    if (nodes.size === 0) throw new Error('The node that was asked is in no Redis Cluster that has slots.');
    const changed =
      owners.some((owner, slot) => owner !== this.#owners[slot]) ||
      nodes.size !== this.#nodes.size ||
      [...nodes.keys()].some((name) => !this.#nodes.has(name));
    owners.forEach((owner, slot) => (this.#owners[slot] = owner));
    this.#nodes = nodes;
    // nodes that come back elsewhere would be remembered for ever
    for (const name of this.#failed.keys()) if (!nodes.has(name) && !name.startsWith(SEED)) this.#failed.delete(name);
    const first = !this.#known;
    this.#known = true;
    if (changed || first) this.#announce();
  }

  #announce(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** See https://redis.io/docs/latest/commands/cluster-slots/ */
async function ask(open: OpenLink): Promise<unknown> {
  const signal = AbortSignal.timeout(ASK_TIMEOUT);
  const link = await open(() => undefined, signal);
  try {
    return await withDeadline(link.send(['CLUSTER', 'SLOTS']), signal);
  } finally {
    link.destroy();
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
