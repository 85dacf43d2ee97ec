import { randomUUID } from 'node:crypto';
import type { Cluster } from '../../harness/cluster.js';
import type { NodeFunction } from '../../harness/node-context.js';
import type { ServerNode } from '../../harness/server-node.js';
import type { TestClient } from '../../harness/test-client.js';
import { waitFor } from '../../harness/wait-for.js';

/** What became of the messages at one client, counted. */
export interface Harm {
  lost: number;
  twice: number;
  /** Messages that came after a later one of the same node. */
  outOfOrder: number;
}

export interface TrafficOptions {
  /** Time between two handfuls of five messages, in milliseconds. Default 2. */
  every?: number;
  /** Characters of each message. Default 10. */
  size?: number;
}

export const UNHARMED: Harm = { lost: 0, twice: 0, outOfOrder: 0 };

const DEADLINE = 20_000;

/** Every node broadcasts numbered messages, a few at a time, until the traffic ends. */
export class Traffic {
  /** The messages carry the name of their node and a number, from 0. */
  readonly event = `traffic ${randomUUID().slice(0, 8)}`;

  private constructor(
    private readonly nodes: readonly ServerNode[],
    private readonly clients: readonly TestClient[],
  ) {}

  static async start(
    { nodes }: Pick<Cluster, 'nodes'>,
    clients: readonly TestClient[],
    { every = 2, size = 10 }: TrafficOptions = {},
  ): Promise<Traffic> {
    const traffic = new Traffic(nodes, clients);
    await traffic.#onEach(
      (io, ctx, event, { interval, filler }) => {
        const state = { published: 0, stop: () => clearInterval(timer) };
        const timer = setInterval(() => {
          for (let i = 0; i < 5; i++) io.emit(event, ctx.options.name, state.published++, filler);
        }, interval);
        ctx.state[event] = state;
      },
      { interval: every, filler: 'x'.repeat(size) },
    );
    return traffic;
  }

  /** Waits until each client has received `count` further messages of every node. */
  async flows(count: number, clients = this.clients): Promise<void> {
    const goals = clients.map((client) => {
      const sofar = this.#received(client);
      return new Map(this.nodes.map(({ name }) => [name, (sofar.get(name)?.length ?? 0) + count]));
    });
    await this.#arrive(clients, goals);
  }

  /** Ends once every node has published `least` messages, waits for all of them, and tells what became of them at each client. */
  async end(least = 0): Promise<Harm[]> {
    const counts = await this.#onEach(async (_io, ctx, event, goal) => {
      const state = ctx.state[event] as { published: number; stop(): void };
      await ctx.waitFor(() => state.published >= goal, 15_000);
      state.stop();
      return state.published;
    }, least);
    const published = new Map(this.nodes.map(({ name }, index) => [name, counts[index]!]));
    // what is missing at the deadline is for the report
    await this.#arrive(
      this.clients,
      this.clients.map(() => published),
    ).catch(() => undefined);
    return this.clients.map((client) => this.#harm(client, published));
  }

  async #arrive(clients: readonly TestClient[], goals: ReadonlyArray<ReadonlyMap<string, number>>): Promise<void> {
    await waitFor(
      () =>
        clients.every((client, index) => {
          const received = this.#received(client);
          return [...goals[index]!].every(([name, goal]) => (received.get(name)?.length ?? 0) >= goal);
        }),
      { deadline: DEADLINE, interval: 10, what: 'the traffic of every node to reach every client' },
    );
  }

  #harm(client: TestClient, published: ReadonlyMap<string, number>): Harm {
    const harm = { ...UNHARMED };
    for (const [name, numbers] of this.#received(client)) {
      const distinct = new Set(numbers);
      harm.lost += published.get(name)! - distinct.size;
      harm.twice += numbers.length - distinct.size;
      harm.outOfOrder += numbers.filter((number, index) => number < numbers[index - 1]!).length;
    }
    return harm;
  }

  /** The numbers that the client has received of each node, in order. */
  #received(client: TestClient): Map<string, number[]> {
    const received = new Map<string, number[]>(this.nodes.map(({ name }) => [name, []]));
    for (const [name, number] of client.received(this.event)) received.get(name as string)!.push(number as number);
    return received;
  }

  #onEach<Extra, Result>(
    fn: NodeFunction<[event: string, extra: Extra], Result>,
    extra: Extra,
  ): Promise<Array<Awaited<Result>>> {
    return Promise.all(this.nodes.map((node) => node.run(fn, this.event, extra)));
  }
}
