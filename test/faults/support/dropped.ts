import type { ServerNode } from '../../harness/server-node.js';

/** After how long a node tells of what it drops again and again, in milliseconds. */
const MINUTE = 60_000;

/** Has the minutes of each node be over when {@link droppedDuring} wants them to. To be called before it has dropped anything. */
export async function holdMinutes(nodes: readonly ServerNode[]): Promise<void> {
  await Promise.all(
    nodes.map((node) =>
      node.run((_io, ctx, minute) => {
        const ends: Array<() => void> = [];
        ctx.state['ends of minutes'] = ends;
        const { setInterval: begin } = globalThis;
        globalThis.setInterval = Object.assign((callback: () => void, delay: number, ...args: []) => {
          if (delay === minute) ends.push(callback);
          return begin(callback, delay, ...args);
        }, begin) as typeof setInterval;
      }, MINUTE),
    ),
  );
}

/**
 * How many messages each node has dropped when `happening` has resolved, by the reason that it gives, without those that it had dropped
 * before. The events of the nodes are to be kept, see `keepEvents`.
 */
export async function droppedDuring(
  nodes: readonly ServerNode[],
  happening: () => Promise<void>,
): Promise<Array<Record<string, number>>> {
  const before = await Promise.all(nodes.map(dropped));
  await happening();
  const after = await Promise.all(nodes.map(dropped));
  return after.map((counts, index) => {
    const rises = [...counts].map(([reason, count]) => [reason, count - (before[index]!.get(reason) ?? 0)] as const);
    return Object.fromEntries(rises.filter(([, rise]) => rise !== 0));
  });
}

/** How many messages the node has dropped so far, by reason. */
async function dropped(node: ServerNode): Promise<Map<string, number>> {
  await node.run((_io, ctx) => {
    for (const end of ctx.state['ends of minutes'] as Array<() => void>) end();
  });
  const counts = new Map<string, number>();
  for (const [event] of await node.recorded('messageDropped')) {
    const { reason, count } = event as { reason: string; count: number };
    counts.set(reason, (counts.get(reason) ?? 0) + count);
  }
  return counts;
}
