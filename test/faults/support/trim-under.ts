import type { Cluster } from '../../harness/cluster.js';
import type { ServerNode } from '../../harness/server-node.js';
import type { TestClient } from '../../harness/test-client.js';
import { waitFor } from '../../harness/wait-for.js';
import { drained, stateOf } from './node-state.js';

export interface TrimOptions {
  cluster: Cluster;
  /** The node that sleeps while the stream is trimmed. */
  asleep: ServerNode;
  /** Publish by turns, each `published` messages in all. */
  publishers: readonly ServerNode[];
  published: number;
  /** How often it is each one's turn. Default 1: one publishes after the other. */
  turns?: number;
  /** Entries that are left. */
  kept: number;
  /** Happens once the node sleeps. */
  meanwhile?: () => Promise<void>;
}

export interface TrimResult {
  /** A client of the node that slept. It receives `message` with the name of the publisher and a number from 0. */
  client: TestClient;
  /** What the node told of it. */
  gaps: Array<{ missed: number | undefined; from: string; to: string }>;
}

/** Puts a node to sleep, publishes, trims the stream to less than that, and wakes the node. */
export async function trimUnder(options: TrimOptions): Promise<TrimResult> {
  const { cluster, asleep, publishers, published, turns = 1, kept, meanwhile } = options;
  const client = await cluster.connect(asleep);
  const before = (await asleep.recorded('gap')).length;
  await Promise.all(publishers.map((node) => node.run((io) => io.emit('known'))));
  await client.next('known', publishers.length);
  asleep.kill('SIGSTOP');
  await meanwhile?.();
  for (let turn = 0; turn < turns; turn++) {
    for (const node of publishers) {
      await node.run(
        (io, ctx, from, to) => {
          for (let n = from; n < to; n++) io.emit('message', ctx.options.name, n);
        },
        Math.round((turn * published) / turns),
        Math.round(((turn + 1) * published) / turns),
      );
      await drained(node);
    }
  }
  await cluster.redis.xTrim(cluster.streamName, 'MAXLEN', kept);
  asleep.kill('SIGCONT');
  await client.next('message', 1, { deadline: 15_000 });
  const last = publishers.at(-1)!;
  await last.run((io) => io.emit('awake'));
  await client.next('awake');
  return { client, gaps: (await asleep.recorded('gap')).slice(before).flat() as TrimResult['gaps'] };
}

/** Waits until the node has heard `count` further heartbeats of another one. */
export async function heartbeats(node: ServerNode, of: ServerNode, count: number): Promise<void> {
  const { uid } = await stateOf(of);
  const seen = new Set<number>();
  await waitFor(
    async () => {
      const member = (await stateOf(node)).members.find((one) => one.uid === uid);
      if (member) seen.add(member.lastSeen);
      return seen.size > count;
    },
    { deadline: 15_000, what: `${count} heartbeats of ${of.name} at ${node.name}` },
  );
}
