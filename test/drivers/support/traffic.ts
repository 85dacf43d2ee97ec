import { waitFor } from '../../harness/index.js';
import type { TestClient } from '../../../src/testing/test-client.js';
import type { Node } from './nodes.js';

/** What a client got of the traffic. */
export interface Verdict {
  twice: number;
  /** Earlier ones that came after later ones of the same node. */
  late: number;
  missing: number;
}

export const UNHARMED: Verdict = { twice: 0, late: 0, missing: 0 };

/** Every node emits numbers, and a client on each of them listens. */
export class Traffic {
  readonly #sent: number[];
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly nodes: readonly Node[],
    readonly clients: readonly TestClient[],
    private readonly namespace: string,
    private readonly every: number,
  ) {
    this.#sent = nodes.map(() => 0);
    this.resume();
  }

  static async start(nodes: readonly Node[], { every = 5, namespace = '/' } = {}): Promise<Traffic> {
    const clients = await Promise.all(nodes.map((node) => node.connect(namespace)));
    return new Traffic(nodes, clients, namespace, every);
  }

  /** Waits until what is emitted from now on, `count` numbers of each node, has reached every client. */
  async flows(count = 50, deadline = 30_000): Promise<void> {
    const due = this.#sent.map((sent) => sent + count);
    await waitFor(
      () => this.clients.every((client) => due.every((number, node) => this.#last(client, node) >= number)),
      {
        deadline,
        what: () =>
          `number ${due.join(' and ')} of the nodes to reach every client, which have ${JSON.stringify(this.#lasts())}`,
      },
    );
  }

  /** Emits nothing more, until {@link resume}; resolves when every client has everything. */
  async rest(): Promise<void> {
    clearInterval(this.#timer);
    const last = this.#sent.map((sent) => sent - 1);
    await waitFor(
      () => this.clients.every((client) => last.every((number, node) => this.#last(client, node) >= number)),
      { deadline: 15_000, what: 'the last of the traffic' },
    );
  }

  resume(): void {
    this.#timer = setInterval(() => this.#emit(), this.every);
  }

  /** Ends it, and tells what each client got. */
  async end(): Promise<Verdict[]> {
    await this.rest();
    return this.clients.map((client) => this.#verdict(client));
  }

  #emit(): void {
    for (const [index, { io }] of this.nodes.entries())
      io.of(this.namespace).emit('number', index, this.#sent[index]!++);
  }

  /** The last numbers of each node that each client has. */
  #lasts(): number[][] {
    return this.clients.map((client) => this.nodes.map((_, node) => this.#last(client, node)));
  }

  #last(client: TestClient, node: number): number {
    return (client.received('number').findLast(([from]) => from === node)?.[1] as number | undefined) ?? -1;
  }

  #verdict(client: TestClient): Verdict {
    const verdict = { ...UNHARMED };
    for (const node of this.nodes.keys()) {
      const numbers = client
        .received('number')
        .filter(([from]) => from === node)
        .map(([, number]) => number as number);
      const seen = new Set(numbers);
      verdict.twice += numbers.length - seen.size;
      verdict.late += numbers.filter((number, index) => index > 0 && number < numbers[index - 1]!).length;
      verdict.missing += this.#sent[node]! - seen.size;
    }
    return verdict;
  }
}
