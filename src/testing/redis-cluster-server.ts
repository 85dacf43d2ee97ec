import { findProgram } from './program.js';
import { RedisServer } from './redis-server.js';
import { waitFor } from './wait-for.js';

/** Options of {@link RedisClusterServer.start}. Every one has a default. */
export interface RedisClusterServerOptions {
  /** Masters, over which the slots are spread evenly. Default 3, as a cluster with fewer elects nobody. */
  masters?: number;
  /** Replicas of each master. Default 0. */
  replicas?: number;
  /** Silence after which a node counts as failed, in milliseconds. Default 1_000. */
  nodeTimeout?: number;
  /** Further arguments of each `redis-server`. */
  args?: readonly string[];
}

const SLOTS = 16_384;
const FORMATION_TIMEOUT_MS = 30_000;

/** A Redis Cluster on 127.0.0.1 for tests: masters, replicas, failovers, slots that move. It ends with this process. */
export class RedisClusterServer {
  private constructor(
    /** The masters, then their replicas, as they were at the start. */
    readonly nodes: readonly RedisServer[],
  ) {}

  /**
   * Starts the nodes, spreads the slots over them and waits until every node takes commands.
   *
   * @throws if this machine has Redis in containers only, in which the nodes would not find each other.
   */
  static async start(options: RedisClusterServerOptions = {}): Promise<RedisClusterServer> {
    const { masters = 3, replicas = 0, nodeTimeout = 1_000, args = [] } = options;
    await mustBeLocal('The nodes of a Redis Cluster');
    const own = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(nodeTimeout)];
    // a replica that was out of touch for a moment is to be elected all the same
    const election = ['--cluster-replica-validity-factor', '0'];
    // a replica is not counted on before it was sent something
    const replication = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'];
    const nodes = await startAll(masters * (1 + replicas), () =>
      RedisServer.start({ args: [...own, ...election, ...replication, ...args] }),
    );
    const cluster = new RedisClusterServer(nodes);
    try {
      await cluster.#form(masters);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** The master that has the key's slot, as the other nodes see it. */
  async masterOf(key: string): Promise<RedisServer> {
    const slot = await this.slotOf(key);
    const slots = (await this.#ask('CLUSTER', 'SLOTS')) as Array<[number, number, [string, number]]>;
    const range = slots.find(([first, last]) => first <= slot && slot <= last);
    const master = this.nodes.find(({ port }) => port === range?.[2][1]);
    if (!master) throw new Error(`No node has slot ${slot}, which is that of the key '${key}'.`);
    return master;
  }

  /** The hash slot of a key. */
  async slotOf(key: string): Promise<number> {
    return Number(await this.#ask('CLUSTER', 'KEYSLOT', key));
  }

  /**
   * Moves the slot of a key, with all its keys, to another master.
   *
   * @param whileMoving runs when the keys are at the new master, and the slot is not: who asks the old one is told to ask the new one.
   */
  async move(key: string, to: RedisServer, whileMoving?: () => Promise<void>): Promise<void> {
    const slot = String(await this.slotOf(key));
    const from = await this.masterOf(key);
    const [fromId, toId] = await Promise.all([nodeId(from), nodeId(to)]);
    await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
    await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
    for (;;) {
      const keys = (await from.command('CLUSTER', 'GETKEYSINSLOT', slot, '100')) as string[];
      if (keys.length === 0) break;
      await from.command('MIGRATE', to.host, String(to.port), '', '0', '5000', 'KEYS', ...keys);
    }
    await whileMoving?.();
    for (const node of [to, from]) await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
  }

  /** Waits until another node than `former` is the master of the key's slot, and resolves with it. */
  async failedOver(key: string, former: RedisServer): Promise<RedisServer> {
    return waitFor(
      async () => {
        const master = await this.masterOf(key);
        return master !== former && master;
      },
      { deadline: FORMATION_TIMEOUT_MS, interval: 50, what: `a new master for the key '${key}'` },
    );
  }

  /** Ends all nodes, and removes their data. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  async #form(masters: number): Promise<void> {
    const [first, ...others] = this.nodes as [RedisServer, ...RedisServer[]];
    await Promise.all(
      this.nodes.map(async (node, index) => {
        await node.command('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
        if (index >= masters) return;
        const [from, to] = [index, index + 1].map((part) => Math.floor((part * SLOTS) / masters));
        await node.command('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to! - 1));
      }),
    );
    await Promise.all(others.map((node) => node.command('CLUSTER', 'MEET', first.host, String(first.port))));
    await this.#until('its nodes to know each other', async (node) => {
      const known = String(await node.command('CLUSTER', 'NODES'));
      return this.nodes.every(({ port }) => known.includes(`:${port}@`)) && !known.includes('handshake');
    });
    await Promise.all(
      this.nodes.slice(masters).map(async (replica, index) => {
        await replica.command('CLUSTER', 'REPLICATE', await nodeId(this.nodes[index % masters]!));
      }),
    );
    await this.#until('all of it to be in order', async (node) => {
      const [info, replication, slots] = await Promise.all([
        node.command('CLUSTER', 'INFO'),
        node.command('INFO', 'replication'),
        node.command('CLUSTER', 'SLOTS'),
      ]);
      const linked =
        !String(replication).includes('role:slave') || String(replication).includes('master_link_status:up');
      const members = (slots as unknown[][]).reduce((sum, [, , ...servers]) => sum + servers.length, 0);
      return String(info).includes('cluster_state:ok') && linked && members === this.nodes.length;
    });
  }

  async #until(what: string, done: (node: RedisServer) => Promise<boolean>): Promise<void> {
    await waitFor(async () => (await Promise.all(this.nodes.map(done))).every(Boolean), {
      deadline: FORMATION_TIMEOUT_MS,
      interval: 150,
      what: `the Redis Cluster to form: for ${what}`,
    });
  }

  /** Asks the first node that answers. */
  async #ask(...command: string[]): Promise<unknown> {
    return Promise.any(this.nodes.map((node) => node.command(...command)));
  }
}

async function nodeId(node: RedisServer): Promise<string> {
  return String(await node.command('CLUSTER', 'MYID'));
}

/** Starts several servers at once; ends them all if one does not start. */
export async function startAll(count: number, start: (index: number) => Promise<RedisServer>): Promise<RedisServer[]> {
  const started = await Promise.allSettled(Array.from({ length: count }, (_, index) => start(index)));
  const servers = started.filter((result) => result.status === 'fulfilled').map(({ value }) => value);
  const failed = started.find((result) => result.status === 'rejected');
  if (failed) {
    await Promise.all(servers.map((server) => server.stop()));
    throw failed.reason;
  }
  return servers;
}

export async function mustBeLocal(who: string): Promise<void> {
  const { local, source } = await findProgram();
  if (local) return;
  throw new Error(
    `${who} must reach each other, which they cannot in containers (${source}). Install redis-server on this machine, or name the binary in REDIS_SERVER.`,
  );
}
