import { describe, expect, it, onTestFinished } from 'vitest';
import { RedisStreams, RedisStreamsCluster } from '../../src/module/index.js';
import type { RedisServer } from '../../src/testing/index.js';
import { RedisProxy } from '../../src/testing/redis-proxy.js';
import { commandStats } from '../faults/support/command-stats.js';
import { startRedis, waitFor } from '../harness/index.js';
import { ChatGateway, LogLines, startApp, type App } from './fixtures/index.js';

const STREAM = 'socket.io';

/** An id that the clock reaches in the year 2096. */
const FAR_FUTURE = '4000000000000-7';

describe('what a node loses is logged once, and told to listeners once, however many messages it is:', () => {
  it('those that find the outbox full, in each outage', async () => {
    const [published, room] = [1_000, 50];
    const redis = await startRedis();
    const logger = new LogLines();
    const near = await startApp({ options: { url: redis.url, outboxMaxLen: room }, logger });
    const far = await startApp({ options: { url: redis.url }, logger });
    const client = await far.client();
    const told: unknown[] = [];
    near.nest.get(RedisStreams).events.on('outboxOverflow', (event) => told.push(event));
    const { server } = near.nest.get(ChatGateway);
    for (const outage of [1, 2]) {
      await redis.pause();
      for (let n = 0; n < published; n++) server.emit(`outage ${outage}`, n);
      await redis.resume();
      await drained(near);
      server.emit('over');
      await client.next('over', outage);
      await drained(near);

      expect(client.received(`outage ${outage}`)).toEqual(Array.from({ length: room }, (_, n) => [n]));
      expect(told).toEqual(Array(outage).fill({ waiting: room, limit: 'outboxMaxLen' }));
      expect(logger.matching(/The outbox is full/)).toEqual(
        Array(outage).fill(expect.stringMatching(/^error: The outbox is full: 50 messages wait for Redis, /)),
      );
    }
    // How many were dropped is another event, which is raised once a minute at most: the first at once, and what is left at the end.
    const counts = (): number[] =>
      logger.matching(/could not be used: outbox full/).map((line) => Number(/\d+/.exec(line)![0]));
    expect(counts()).toEqual([1]);
    await near.nest.close();
    expect(counts()).toEqual([1, 2 * (published - room) - 1]);
  });

  it('those that were in a stream that began anew', async () => {
    const redis = await startRedis();
    const app = await startApp({ options: { url: redis.url, blockTimeInMs: 300 } });
    const client = await app.client();
    const told: unknown[] = [];
    app.nest.get(RedisStreams).events.on('streamReset', (event) => told.push(event));
    await publish(redis, 'before', FAR_FUTURE);
    await client.next('before');
    await redis.command('DEL', STREAM);
    // By somebody who is no node, so that the reader has to find out by itself.
    for (let n = 0; n < 20; n++) await publish(redis, 'after');
    await client.next('after', 20);
    // It looks at the stream again every `blockTimeInMs`, and has told all that it has to tell.
    const looks = async (): Promise<number> => (await commandStats(redis, 'xinfo|stream')).calls;
    const before = await looks();
    await waitFor(async () => (await looks()) >= before + 3, { what: 'the stream to be looked at again' });
    await publish(redis, 'end');
    await client.next('end');

    expect(client.received('after')).toHaveLength(20);
    expect(told).toEqual([{ stream: STREAM, position: FAR_FUTURE }]);
    expect(app.logger.matching(/deleted or started anew/)).toEqual([
      expect.stringContaining(
        `warn: The stream ${STREAM} was deleted or started anew after this node had read it up to`,
      ),
    ]);
  });

  it.each([
    ['held up', (proxy: RedisProxy) => proxy.stall()],
    ['cut off from Redis', (proxy: RedisProxy) => proxy.cut()],
  ])('those that were trimmed away while it was %s', async (_how, hold) => {
    const [published, kept] = [30, 5];
    const redis = await startRedis();
    const proxy = await RedisProxy.start(redis.port);
    onTestFinished(() => proxy.stop());
    const logger = new LogLines();
    // Nobody is taken for lost meanwhile, and heartbeats, which tell what was published, are many.
    const heartbeats = { heartbeatInterval: 100, heartbeatTimeout: 30_000 };
    const near = await startApp({ options: { url: redis.url, ...heartbeats }, logger });
    const far = await startApp({ options: { url: proxy.url, ...heartbeats }, logger });
    const client = await far.client();
    const told: Array<{ missed: number }> = [];
    for (const { nest } of [near, far]) nest.get(RedisStreams).events.on('gap', (event) => told.push(event));
    const { server } = near.nest.get(ChatGateway);
    server.emit('before');
    await client.next('before');
    await drained(near);
    hold(proxy);
    for (let n = 0; n < published; n++) {
      server.emit('said', n);
      // So that each is in an entry of its own, and the number of those that are left is known.
      await drained(near);
    }
    await redis.command('XTRIM', STREAM, 'MAXLEN', String(kept));
    proxy.restore();
    server.emit('end');
    await client.next('end');
    await heartbeatsOf(near, far, 3);
    server.emit('end');
    await client.next('end', 2);

    const received = client.received('said').map(([n]) => n as number);
    const missed = published - received.length;
    expect(received.slice(-kept)).toEqual([...Array(published).keys()].slice(-kept));
    expect(missed).toBeGreaterThan(1);
    expect(told).toEqual([{ stream: STREAM, from: expect.any(String), to: expect.any(String), missed }]);
    expect(logger.matching(/no longer held/)).toEqual([
      expect.stringMatching(
        `^error: The stream ${STREAM} no longer held .*: at least ${missed} messages after .* are lost to it, `,
      ),
    ]);
  });
});

/** Waits until nothing of the application waits for Redis. */
async function drained({ nest }: App): Promise<void> {
  const cluster = nest.get(RedisStreamsCluster);
  await waitFor(() => cluster.snapshot().outboxSize === 0, { what: 'everything to be in the stream' });
}

/** Waits until one application has heard of the other `count` more times. */
async function heartbeatsOf(other: App, observer: App, count: number): Promise<void> {
  const { uid } = other.nest.get(RedisStreamsCluster).snapshot();
  const seen = new Set<number | undefined>();
  await waitFor(
    () => {
      const { members } = observer.nest.get(RedisStreamsCluster).snapshot();
      return seen.add(members.find((member) => member.uid === uid)?.lastSeen).size > count;
    },
    { what: `${count} heartbeats` },
  );
}

/** Emits to everybody as anyone can who has access to Redis. */
async function publish(redis: RedisServer, event: string, id = '*'): Promise<void> {
  const opts = { rooms: [], except: [], flags: {} };
  const data = JSON.stringify({ opts, packet: { type: 2, data: [event, 'from somebody'] } });
  await redis.command('XADD', STREAM, id, 'uid', 'somebody', 'nsp', '/', 'type', '3', 'data', data);
}
