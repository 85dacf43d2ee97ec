import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { RedisServer, type ClientOptions } from '../../src/testing/index.js';
import { poll } from '../../src/testing/poll.js';
import { TestClient } from '../harness/test-client.js';
import type { Message, NodeSpan } from './trace-node.js';

const SCRIPT = fileURLToPath(new URL('trace-node.ts', import.meta.url));

/** A traced server in a process of its own, and every span that it exported. */
export class TraceNode {
  readonly spans: NodeSpan[] = [];
  url = '';
  readonly #process: ChildProcess;
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();

  constructor(redisUrl: string) {
    this.#process = fork(SCRIPT, {
      execArgv: ['--import', 'tsx'],
      serialization: 'advanced',
      env: { ...process.env, TRACED_REDIS: redisUrl },
    });
    this.#process.on('message', (message: Message) => {
      if ('span' in message) {
        this.spans.push(message.span);
        return;
      }
      const call = this.#calls.get(message.id);
      this.#calls.delete(message.id);
      if (message.error === undefined) {
        call?.resolve(message.value);
      } else {
        call?.reject(new Error(message.error));
      }
    });
    this.#process.once('exit', (code) => {
      for (const { reject } of this.#calls.values()) {
        reject(new Error(`The traced node ended with code ${code}.`));
      }
    });
  }

  /** Does one of the operations of trace-node.ts, inside a span "action {operation}". */
  do<T>(operation: string, ...args: string[]): Promise<T> {
    return new Promise<unknown>((resolve, reject) => {
      const id = this.#calls.size + Math.random();
      this.#calls.set(id, { resolve, reject });
      this.#process.send({ id, operation, args });
    }) as Promise<T>;
  }

  /** The first span for which `matches` holds, once it was exported. */
  async span(what: string, matches: (span: NodeSpan) => boolean): Promise<NodeSpan> {
    await poll(() => this.spans.some(matches), 10_000);
    const found = this.spans.find(matches);
    if (!found) {
      throw new Error(`No ${what} among: ${this.spans.map(({ name, kind }) => `${name} (${kind})`).join(', ')}`);
    }
    return found;
  }

  named(name: string, within?: { traceId: string }): Promise<NodeSpan> {
    return this.span(`span "${name}"`, (span) => span.name === name && (!within || span.traceId === within.traceId));
  }

  end(): void {
    this.#process.kill('SIGKILL');
  }
}

/** Two traced nodes on a Redis of their own. */
export interface TracedCluster {
  redis: RedisServer;
  a: TraceNode;
  b: TraceNode;
  end(): Promise<void>;
}

export async function startTracedCluster(): Promise<TracedCluster> {
  const redis = await RedisServer.start({ appendOnly: true });
  const [a, b] = [new TraceNode(redis.url), new TraceNode(redis.url)];
  const end = async (): Promise<void> => {
    a.end();
    b.end();
    await redis.stop();
  };
  [a.url, b.url] = await Promise.all([a.do<string>('start'), b.do<string>('start')]);
  await Promise.all([a, b].map((node) => node.named('cluster.transition joined')));
  return { redis, a, b, end };
}

/** A client that is connected to the node, and in the room. */
export async function connectTo(node: TraceNode, room: string, options: ClientOptions = {}): Promise<TestClient> {
  const client = new TestClient(node.url, options);
  onTestFinished(() => client.close());
  await client.connect();
  await node.do('join', client.id, room);
  return client;
}
