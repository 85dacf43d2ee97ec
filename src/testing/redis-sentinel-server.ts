import { freePort } from './free-port.js';
import { mustBeLocal, startAll } from './redis-cluster-server.js';
import { RedisServer } from './redis-server.js';
import { waitFor } from './wait-for.js';

/** Options of {@link RedisSentinelServer.start}. Every one has a default. */
export interface RedisSentinelServerOptions {
  /** Sentinels. Default 3; most of them must agree that the master is gone. */
  sentinels?: number;
  /** Replicas of the master. Default 1. */
  replicas?: number;
  /** Silence after which the master counts as failed, in milliseconds. Default 1_000. */
  downAfter?: number;
  /** Further arguments of master and replicas. */
  args?: readonly string[];
}

const READY_TIMEOUT_MS = 30_000;

/** A master, replicas, and the Sentinels that watch over them, on 127.0.0.1, for tests. They end with this process. */
export class RedisSentinelServer {
  /** Name of the master among the Sentinels. */
  readonly name = 'main';

  private constructor(
    /** The Sentinels. */
    readonly sentinels: readonly RedisServer[],
    /** The first master, and its replicas. */
    readonly nodes: readonly RedisServer[],
  ) {}

  /** Starts everything, and waits until the Sentinels know each other and the replicas. */
  static async start(options: RedisSentinelServerOptions = {}): Promise<RedisSentinelServer> {
    const { sentinels = 3, replicas = 1, downAfter = 1_000, args = [] } = options;
    await mustBeLocal('Sentinels and the servers that they watch over');
    const port = await freePort();
    const nodes = await startAll(1 + replicas, (index) =>
      RedisServer.start({
        ...(index === 0 && { port }),
        args: [
          ...(index === 0 ? [] : ['--replicaof', '127.0.0.1', String(port)]),
          '--repl-diskless-sync-delay',
          '0',
          ...args,
        ],
      }),
    );
    const watch = ['sentinel resolve-hostnames no', ...monitor('main', port, sentinels, downAfter)].join('\n');
    const watchers = await startAll(sentinels, () => RedisServer.start({ config: watch, args: ['--sentinel'] })).catch(
      async (error: unknown) => {
        await Promise.all(nodes.map((node) => node.stop()));
        throw error;
      },
    );
    const all = new RedisSentinelServer(watchers, nodes);
    try {
      await all.#settled();
      return all;
    } catch (error) {
      await all.stop();
      throw error;
    }
  }

  /** The master, as the Sentinels say. */
  async master(): Promise<RedisServer> {
    const reply = await Promise.any(
      this.sentinels.map((sentinel) => sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.name)),
    );
    const port = Number((reply as [string, string])[1]);
    const master = this.nodes.find((node) => node.port === port);
    if (!master)
      throw new Error(`The Sentinels take a server on port ${port} for the master, which is none of those started.`);
    return master;
  }

  /** Waits until another server than `former` is the master, and resolves with it. */
  async failedOver(former: RedisServer): Promise<RedisServer> {
    return waitFor(
      async () => {
        const master = await this.master();
        return (
          master !== former && String(await master.command('INFO', 'replication')).includes('role:master') && master
        );
      },
      { deadline: READY_TIMEOUT_MS, interval: 50, what: 'a new master' },
    );
  }

  /** Ends all of them, and removes their data. */
  async stop(): Promise<void> {
    await Promise.all([...this.sentinels, ...this.nodes].map((server) => server.stop()));
  }

  async #settled(): Promise<void> {
    await waitFor(
      async () => {
        const reports = await Promise.all(
          this.sentinels.map(async (sentinel) => {
            const reply = (await sentinel.command('SENTINEL', 'MASTER', this.name)) as
              string[] | Record<string, string>;
            const report = Array.isArray(reply) ? fields(reply) : reply;
            return (
              Number(report['num-slaves']) === this.nodes.length - 1 &&
              Number(report['num-other-sentinels']) === this.sentinels.length - 1
            );
          }),
        );
        return reports.every(Boolean);
      },
      { deadline: READY_TIMEOUT_MS, interval: 50, what: 'the Sentinels to know each other and the replicas' },
    );
  }
}

/** See https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/ */
function monitor(name: string, port: number, sentinels: number, downAfter: number): string[] {
  return [
    `sentinel monitor ${name} 127.0.0.1 ${port} ${Math.floor(sentinels / 2) + 1}`,
    `sentinel down-after-milliseconds ${name} ${downAfter}`,
    `sentinel failover-timeout ${name} 5000`,
  ];
}

function fields(reply: readonly string[]): Record<string, string> {
  const entries: Array<[string, string]> = [];
  for (let i = 0; i + 1 < reply.length; i += 2) entries.push([reply[i]!, reply[i + 1]!]);
  return Object.fromEntries(entries);
}
