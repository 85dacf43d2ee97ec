import { createClient } from 'redis';
import { createDriver } from '../../src/adapter/redis/create-driver.js';
import type { RedisConnection } from '../../src/adapter/redis/driver.js';
import { StreamLog } from '../../src/adapter/stream/stream-log.js';
import { noopTelemetry, type TelemetryPort } from '../../src/adapter/telemetry-port.js';
import { encodeBroadcast, payloadOf } from '../../src/adapter/wire/entry-codec.js';

export interface Delivery {
  /** Who published it, and its number among what they published, from 1. */
  publisher: string;
  n: number;
  /** The position behind it. */
  id: string;
}

/** Where Redis is for those who write, and for those who read. */
export type Urls = Record<'writer' | 'reader', string>;

const NAMESPACE = '/';

/** A node as far as the log is concerned: it publishes, it reads, and notes what it was told. */
export class LogNode {
  readonly log: StreamLog;
  readonly delivered: Delivery[] = [];
  onDelivery: (() => void) | undefined;
  /** How many messages each gap, as far as could be told, was said to have cost. */
  readonly gaps: number[] = [];
  /** How many messages were counted as lost. */
  told = 0;
  /** How many messages came again, and were dropped. */
  repeated = 0;
  /** How often the stream was said to have begun anew. */
  resets = 0;
  /** What became of what was published, in the order in which it was told. */
  readonly settled: Array<{ n: number; id: string | undefined; error: Error | undefined }> = [];
  readonly failures: unknown[] = [];
  published = 0;
  readonly #connections: RedisConnection[];

  private constructor(
    readonly uid: string,
    urls: Urls,
    private readonly streamName: string,
  ) {
    const [writer, reader] = (['writer', 'reader'] as const).map((role) =>
      createDriver(createClient({ url: urls[role], name: connectionName(uid, role) }), {
        useShardedPubSub: false,
        channelPrefix: streamName,
        telemetry: noopTelemetry,
      }).open(role),
    ) as [RedisConnection, RedisConnection];
    this.#connections = [writer, reader];
    const options = {
      uid,
      streamName,
      streamCount: 1,
      streamBy: 'namespace' as const,
      maxLen: 100_000,
      readCount: 10,
      blockTimeInMs: 1_000,
      outboxMaxLen: 100_000,
      outboxMaxBytes: 100_000_000,
      recentMaxBytes: 100_000_000,
      interop: false,
    };
    const telemetry: TelemetryPort = {
      ...noopTelemetry,
      dropped: (_stream, reason, count) => void (reason === 'gap' && (this.told += count)),
      duplicate: () => void this.repeated++,
    };
    this.log = new StreamLog(writer, reader, options, telemetry, {
      onMessage: (message) => {
        const [, publisher, n] = payloadOf(message).args as [string, string, number];
        this.delivered.push({ publisher, n, id: message.id });
        this.onDelivery?.();
        return undefined;
      },
      onFailed: (_reason, error) => void this.failures.push(error),
      onPeer: () => void this.failures.push(new Error('nobody here is of the peer package')),
      onGap: (_stream, _from, _to, missed) => void this.gaps.push(missed),
      onReset: () => this.resets++,
      onOverflow: (limit) => void this.failures.push(new Error(`overflow: ${limit}`)),
      onTooLarge: (reason) => void this.failures.push(new Error(`too large: ${reason}`)),
      onRefused: () => undefined,
    });
  }

  /** A node that has its place in the stream; `early` messages it has published before. */
  static async start(uid: string, urls: Urls, streamName: string, early = 0): Promise<LogNode> {
    const node = new LogNode(uid, urls, streamName);
    node.publish(early);
    await Promise.all(node.#connections.map((connection) => connection.whenReady()));
    await node.log.start();
    return node;
  }

  publish(count: number): void {
    for (let i = 0; i < count; i++) {
      const n = ++this.published;
      const message = encodeBroadcast(['event', this.uid, n], { rooms: [], except: [], flags: {} }, undefined, false);
      this.log.publish(NAMESPACE, message, [], (error, id) => this.settled.push({ n, id, error }));
    }
  }

  /** What it was delivered of what a node has published. */
  from(publisher: string): number[] {
    return this.delivered.filter((one) => one.publisher === publisher).map(({ n }) => n);
  }

  /** What it was delivered, without what came after something that its publisher had published later. */
  punctual(): Delivery[] {
    const highest = new Map<string, number>();
    return this.delivered.filter(({ publisher, n }) => {
      if (n < (highest.get(publisher) ?? 0)) return false;
      highest.set(publisher, n);
      return true;
    });
  }

  /** Takes a heartbeat of another node. */
  hear(other: LogNode): void {
    this.log.compare(other.uid, other.log.writer.published());
  }

  /** What it remembers for clients that come back. */
  remembered(): { from: string; ids: string[] } {
    const recent = this.log.recent(this.streamName)!;
    return { from: recent.from, ids: [...recent.after('0-0')].map(({ id }) => id) };
  }

  get position(): string {
    return this.log.position(this.streamName);
  }

  close(): void {
    this.log.close();
    for (const connection of this.#connections) connection.close();
  }
}

/** The name of a node's connection in Redis' CLIENT LIST. */
export function connectionName(uid: string, role: 'writer' | 'reader'): string {
  return `${uid}-${role}`;
}
