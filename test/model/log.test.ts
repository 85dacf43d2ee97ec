import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { comparePositions } from '../../src/adapter/stream/stream-id.js';
import { payloadOf } from '../../src/adapter/wire/entry-codec.js';
import { readEntry } from '../../src/adapter/wire/entry.js';
import { RedisServer } from '../../src/testing/index.js';
import { RedisProxy } from '../faults/support/redis-proxy.js';
import { waitFor } from '../harness/index.js';
import { connectionName, LogNode } from './log-node.js';

/** More runs: `MODEL_RUNS=500`. The seed of a run that failed, which is printed: `MODEL_SEED=…`. */
const RUNS = Number(process.env['MODEL_RUNS'] ?? 25);
const SEED = process.env['MODEL_SEED'];

const node = fc.constantFrom(0, 1);
const count = fc.constantFrom(1, 3, 40, 300);

/** What leaves every entry where it is. */
const harmless = [
  { weight: 8, arbitrary: fc.record({ do: fc.constant('publish' as const), node, count }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(80) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('cut' as const), node, role: fc.constantFrom('reader', 'writer') }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('lose replies' as const), everyNth: fc.constantFrom(1, 2, 5, 0) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill and restart Redis' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pause Redis' as const), ms: fc.nat(100) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('heartbeats' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('come to rest' as const) }) },
];

/** What takes entries away, perhaps before they were read. */
const harmful = [
  { weight: 2, arbitrary: fc.record({ do: fc.constant('trim' as const), keep: fc.constantFrom(0, 1, 5, 100) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const) }) },
];

type ArbitraryOf<T> = T extends fc.Arbitrary<infer Value> ? Value : never;
type Operation = ArbitraryOf<(typeof harmless | typeof harmful)[number]['arbitrary']>;

/** A stream with two nodes, on a Redis to which everything may happen. */
class World {
  readonly nodes: [LogNode, LogNode];
  /** Whether entries were taken away, perhaps before they were read. */
  harmed = false;

  private constructor(
    private readonly redis: RedisServer,
    private readonly proxy: RedisProxy,
    private readonly stream: string,
    nodes: LogNode[],
  ) {
    this.nodes = nodes as [LogNode, LogNode];
  }

  static async begin(redis: RedisServer, proxy: RedisProxy): Promise<World> {
    const stream = randomUUID();
    const urls = { writer: proxy.url, reader: redis.url };
    const nodes = await Promise.all(['a', 'b'].map((name) => LogNode.start(`${name}-${stream}`, urls, stream)));
    const world = new World(redis, proxy, stream, nodes);
    // of a publisher that is not known yet, nobody can tell what it has published before
    for (const one of nodes) one.publish(1);
    await world.comeToRest();
    return world;
  }

  async run(operation: Operation): Promise<void> {
    this.harmed ||= operation.do === 'trim' || operation.do === 'delete';
    switch (operation.do) {
      case 'publish':
        return this.nodes[operation.node]!.publish(operation.count);
      case 'wait':
        return delay(operation.ms);
      case 'cut':
        return this.#cut(connectionName(this.nodes[operation.node]!.uid, operation.role as 'reader' | 'writer'));
      case 'lose replies':
        return this.proxy.loseReplies(operation.everyNth);
      case 'kill and restart Redis':
        await this.redis.kill();
        return this.redis.restart();
      case 'pause Redis':
        await this.redis.pause();
        await delay(operation.ms);
        return this.redis.resume();
      case 'heartbeats':
        return this.#heartbeats();
      case 'come to rest':
        return this.comeToRest();
      case 'trim':
        return void (await this.redis.command('XTRIM', this.stream, 'MAXLEN', String(operation.keep)));
      case 'delete':
        return void (await this.redis.command('DEL', this.stream));
    }
  }

  /** Everything that was published is in the stream, and everything that is there was delivered. */
  async comeToRest(): Promise<void> {
    this.proxy.loseReplies(0);
    await Promise.all(this.nodes.map(({ log }) => log.writer.drained()));
    // what is published last is lost to nobody, so that every loss before it shows
    for (const one of this.nodes) one.publish(1);
    const markers = this.nodes.map(({ uid, published }) => ({ uid, published }));
    await waitFor(
      () => {
        this.#heartbeats();
        return this.nodes.every((one) => markers.every(({ uid, published }) => one.from(uid).at(-1) === published));
      },
      { deadline: 20_000, what: 'the nodes to be delivered what was published last' },
    );
  }

  async messages(): Promise<Array<{ publisher: string; n: number; id: string }>> {
    const reply = (await this.redis.command('XRANGE', this.stream, '-', '+')) as Array<[string, string[]]>;
    return reply.flatMap(([id, fields]) => {
      const { messages } = readEntry(
        this.stream,
        id,
        fields.map((field) => Buffer.from(field)),
      )!;
      return messages.map((message) => {
        const [, publisher, n] = payloadOf(message).args as [string, string, number];
        return { publisher, n, id: message.id };
      });
    });
  }

  async end(): Promise<void> {
    for (const one of this.nodes) one.close();
    await this.redis.command('DEL', this.stream);
  }

  #heartbeats(): void {
    const [a, b] = this.nodes;
    a.hear(b);
    b.hear(a);
  }

  async #cut(name: string): Promise<void> {
    const list = String(await this.redis.command('CLIENT', 'LIST'));
    const id = list
      .split('\n')
      .find((line) => line.includes(` name=${name} `))
      ?.match(/^id=(\d+)/)?.[1];
    if (id !== undefined) await this.redis.command('CLIENT', 'KILL', 'ID', id);
  }
}

/** What holds in every world that has come to rest. */
async function expectOrder(world: World): Promise<void> {
  const { nodes } = world;
  const messages = await world.messages();
  for (const one of nodes) {
    expect(one.failures).toEqual([]);
    const punctual = one.punctual();
    // Everything comes in the order in which it was published, but for what was said to be lost: trimmed away before it was read, it may
    // have been added for the second time.
    expect(one.delivered.length - punctual.length).toBeLessThanOrEqual(one.told);
    for (const { uid, published } of nodes) {
      expect(punctual.findLast(({ publisher }) => publisher === uid)?.n).toBe(published);
      // and once
      const numbers = one.from(uid);
      expect(new Set(numbers).size).toBe(numbers.length);
    }
    // nothing in the stream was passed over
    const delivered = new Set(one.delivered.map(({ publisher, n }) => `${publisher} ${n}`));
    for (const { publisher, n } of messages) expect(delivered).toContain(`${publisher} ${n}`);
    // every publication was told what became of it, in order, with an id of its own
    expect(one.settled.map(({ n, error }) => ({ n, error }))).toEqual(
      Array.from({ length: one.published }, (_, i) => ({ n: i + 1, error: undefined })),
    );
    expect(one.position).toBe(messages.at(-1)?.id);
    // what is remembered is what was delivered last
    const { from, ids } = one.remembered();
    expect(ids).toEqual(one.delivered.map(({ id }) => id).filter((id) => comparePositions(id, from) > 0));
  }
  // Both nodes agree on the order of what both were delivered, but where entries were taken away: what is then added again came to one
  // of them in its first place, and comes to the other, under which that was taken away, in its second.
  const [a, b] = nodes.map((one) => one.punctual().map(({ publisher, n }) => `${publisher} ${n}`)) as [
    string[],
    string[],
  ];
  const places = new Map(b.map((message, place) => [message, place]));
  const inOrderOfA = a.map((message) => places.get(message)).filter((place) => place !== undefined);
  const elsewhere = nodes.reduce((sum, { told, repeated }) => sum + told + repeated, 0);
  expect(inOrderOfA.length - longestRise(inOrderOfA)).toBeLessThanOrEqual(world.harmed ? elsewhere : 0);
}

/** How many of the numbers can be left where they are, when the others are moved until all are in order. */
function longestRise(numbers: readonly number[]): number {
  /** The lowest last number of a rise, by the length of the rise. */
  const ends: number[] = [];
  for (const value of numbers) {
    const at = ends.findIndex((end) => end > value);
    ends[at === -1 ? ends.length : at] = value;
  }
  return ends.length;
}

function missing(one: LogNode, nodes: readonly LogNode[]): number {
  return nodes.reduce((sum, { uid, published }) => sum + published - one.from(uid).length, 0);
}

describe('the log', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await RedisServer.start({ appendOnly: true });
  });

  afterAll(() => redis.stop());

  async function check(
    proxy: RedisProxy,
    operations: Operation[],
    expectations: (world: World) => void,
  ): Promise<void> {
    const world = await World.begin(redis, proxy);
    try {
      for (const operation of operations) await world.run(operation);
      await world.comeToRest();
      await expectOrder(world);
      expectations(world);
    } finally {
      await world.end();
    }
  }

  const parameters = { numRuns: RUNS, endOnFailure: true, ...(SEED !== undefined && { seed: Number(SEED) }) };

  it('delivers to a node what it has published before it had a place in the stream', async () => {
    const stream = randomUUID();
    const node = await LogNode.start('early', { writer: redis.url, reader: redis.url }, stream, 5);
    onTestFinished(() => node.close());
    await waitFor(() => node.delivered.length === 5, { what: 'what was published early' });

    expect(node.from('early')).toEqual([1, 2, 3, 4, 5]);
  });

  it('knows what is repeated for what it is at a node that has started since, also behind much that others have published', async () => {
    // six hundred writes to a disk could take longer than a repetition
    const redis = await RedisServer.start();
    onTestFinished(() => redis.stop());
    const stream = randomUUID();
    const proxy = await RedisProxy.start(redis);
    const start = async (name: string, writer = redis.url): Promise<LogNode> => {
      const node = await LogNode.start(name, { writer, reader: redis.url }, stream);
      onTestFinished(() => node.close());
      return node;
    };
    const [unlucky, other] = [await start('unlucky', proxy.url), await start('other')];
    unlucky.publish(10);
    await unlucky.log.writer.drained();
    proxy.shut();
    proxy.loseReplies(1);
    unlucky.publish(10);
    await waitFor(() => other.from('unlucky').length === 20, { what: 'the messages whose reply is lost' });
    // each in an entry of its own
    for (let i = 0; i < 600; i++) {
      other.publish(1);
      await other.log.writer.drained();
    }
    const late = await start('late');
    proxy.loseReplies(0);
    proxy.admit();
    await unlucky.log.writer.drained();
    unlucky.publish(1);
    await waitFor(() => late.from('unlucky').includes(21), { what: 'what comes behind the repetition' });

    const entries = (await redis.command('XRANGE', stream, '-', '+')) as unknown[];
    expect(entries.filter((entry) => String(entry).includes('"unlucky",11'))).toHaveLength(2);
    expect(late.from('unlucky')).toEqual([21]);
  });

  it('hands on what a reply holds a few at a time: the process does other things in between', async () => {
    const urls = { writer: redis.url, reader: redis.url };
    const stream = randomUUID();
    const [publisher, reader] = await Promise.all(['a', 'b'].map((name) => LogNode.start(name, urls, stream)));
    onTestFinished(() => [publisher, reader].forEach((node) => node!.close()));
    let turns = 0;
    let immediate = setImmediate(function turn() {
      turns++;
      immediate = setImmediate(turn);
    });
    onTestFinished(() => clearImmediate(immediate));
    const inTurn = new Map<number, number>();
    reader!.onDelivery = () => void inTurn.set(turns, (inTurn.get(turns) ?? 0) + 1);
    await redis.pause();
    publisher!.publish(5_000);
    await redis.resume();
    await waitFor(() => reader!.delivered.length === 5_000, { what: 'everything' });

    // a hundred, and what else the last of their entries holds; the last of a reply and the first of the next may meet
    expect(Math.max(...inTurn.values())).toBeLessThan(2 * (100 + 128));
  });

  it(
    'loses nothing, repeats nothing and keeps one order, whatever becomes of connections and of Redis',
    async () => {
      const proxy = await RedisProxy.start(redis);
      const operations = fc.array(fc.oneof(...harmless), { maxLength: 14, size: 'max' });
      await fc.assert(
        fc.asyncProperty(operations, (list) =>
          check(proxy, list, ({ nodes }) => {
            for (const one of nodes) expect([missing(one, nodes), one.gaps, one.resets]).toEqual([0, [], 0]);
          }),
        ),
        parameters,
      );
    },
    RUNS * 20_000,
  );

  it(
    'tells of every loss, and goes on from what there is, where entries are trimmed or the stream is deleted',
    async () => {
      const proxy = await RedisProxy.start(redis);
      const operations = fc.array(fc.oneof(...harmless, ...harmful), { maxLength: 14, size: 'max' });
      await fc.assert(
        fc.asyncProperty(operations, (list) =>
          check(proxy, list, ({ nodes }) => {
            for (const one of nodes) {
              // also where the stream began anew: of what was lost with it, the numbers are missing
              expect(one.told).toBeGreaterThanOrEqual(missing(one, nodes));
              // what was never taken away is never said to be lost
              if (!list.some(({ do: what }) => what === 'trim' || what === 'delete')) {
                expect([missing(one, nodes), one.gaps, one.resets]).toEqual([0, [], 0]);
              }
            }
          }),
        ),
        parameters,
      );
    },
    RUNS * 20_000,
  );
});
