import type { NodeSnapshot } from '../../../src/adapter/public.js';
import type { ServerNode } from '../../harness/server-node.js';
import { waitFor } from '../../harness/wait-for.js';

/** The adapter's own account of the node. */
export function stateOf(node: ServerNode): Promise<NodeSnapshot> {
  return node.run((_io, ctx) => {
    const { snapshot } = ctx.adapterFactory as unknown as { snapshot(): NodeSnapshot[] };
    return snapshot()[0]!;
  });
}

/** Waits until `count` messages wait for Redis in every node. Each node looks itself: some outages are over after a second. */
export async function piledUp(nodes: readonly ServerNode[], count: number): Promise<void> {
  await Promise.all(
    nodes.map((node) =>
      node.run((_io, ctx, pile) => {
        const { snapshot } = ctx.adapterFactory as unknown as { snapshot(): NodeSnapshot[] };
        return ctx.waitFor(() => snapshot()[0]!.outboxSize >= pile, 15_000);
      }, count),
    ),
  );
}

/** Waits until nothing waits for Redis in the node. */
export async function drained(node: ServerNode): Promise<void> {
  await waitFor(async () => (await stateOf(node)).outboxSize === 0, {
    deadline: 20_000,
    what: `everything of ${node.name} to be in the stream`,
  });
}

/** Waits until every node has all its connections to Redis. */
export async function connected(nodes: readonly ServerNode[]): Promise<void> {
  await waitFor(
    async () =>
      (await Promise.all(nodes.map(stateOf))).every(({ connections }) =>
        connections.every(({ state }) => state === 'ready'),
      ),
    { deadline: 20_000, what: 'every node to be connected to Redis' },
  );
}
