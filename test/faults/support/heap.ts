import type { ServerNode } from '../../harness/server-node.js';

/** What the heap of the node holds once the garbage is collected, in bytes. */
export function heapOf(node: ServerNode): Promise<number> {
  return node.run(async () => {
    const { setFlagsFromString } = process.getBuiltinModule('node:v8');
    const { runInNewContext } = process.getBuiltinModule('node:vm');
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    // what was looked at in this turn is held until the next one
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    collect();
    return process.memoryUsage().heapUsed;
  });
}
