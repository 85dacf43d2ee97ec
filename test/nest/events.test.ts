import { describe, expect, it, onTestFinished } from 'vitest';
import { RedisStreams, RedisStreamsModule } from '../../src/module/index.js';
import { startRedis, waitFor } from '../harness/index.js';
import { AdminGateway, ChatGateway, LogLines, startApp } from './fixtures/index.js';

describe('what happens to the cluster', () => {
  it('is logged once, and told to listeners: a node comes and goes', async () => {
    const redis = await startRedis();
    const options = { url: redis.url };
    const logger = new LogLines();
    const a = await startApp({ options, logger });
    const told: unknown[] = [];
    a.nest.get(RedisStreams).events.on('nodeJoined', (event) => told.push(event));
    a.nest.get(RedisStreams).events.on('nodeLeft', (event) => told.push(event));
    // Nest has one logger a process: what the second application says would be among the lines of the first.
    const b = await startApp({ options, logger });
    await waitFor(() => told.length === 1, { what: 'the node to join' });
    await b.nest.close();
    await waitFor(() => told.length === 2, { what: 'the node to leave' });
    const [joined, left] = told as [{ uid: string }, { uid: string }];
    expect(joined).toEqual({ uid: joined.uid, clusterSize: 2 });
    expect(left).toEqual({ uid: joined.uid, clusterSize: 1, reason: 'left' });
    expect(logger.matching(new RegExp(`Node ${joined.uid}`))).toEqual([
      `log: Node ${joined.uid} joined; the cluster has 2 nodes.`,
      `log: Node ${joined.uid} left; the cluster has 1 node.`,
    ]);
  });

  it('is logged once and told to listeners: Redis goes and comes back', async () => {
    const redis = await startRedis({ appendOnly: true });
    const logger = new LogLines();
    const app = await startApp({ options: { url: redis.url }, logger });
    const { events } = app.nest.get(RedisStreams);
    const told: string[] = [];
    events.on('connectionLost', ({ role }) => told.push(`lost ${role}`));
    events.on('connectionReady', ({ role }) => told.push(`ready ${role}`));
    await redis.kill();
    await waitFor(() => told.includes('lost reader') && told.includes('lost writer'), { what: 'the loss' });
    await redis.restart();
    await waitFor(() => told.includes('ready reader') && told.includes('ready writer'), {
      what: 'the return',
      deadline: 15_000,
    });
    expect(logger.matching(/reader's connection to Redis was lost/)).toHaveLength(1);
    expect(logger.matching(/reader's connection to Redis is restored/)).toHaveLength(1);
  });

  it('is logged with the server that it is about, if that is not the main one', async () => {
    const redis = await startRedis();
    const options = { url: redis.url };
    const logger = new LogLines();
    const gateways = [ChatGateway, AdminGateway];
    await startApp({ options, gateways, logger });
    await startApp({ options, gateways: [AdminGateway], logger });
    await waitFor(() => logger.matching(/joined; the cluster has 2 nodes\. \(path \/admin\)$/).length > 0);
    expect(logger.matching(/joined; the cluster has 2 nodes\.$/)).toEqual([]);
  });

  it('is logged under the name of the module instance', async () => {
    const redis = await startRedis();
    const logger = new LogLines();
    const start = () =>
      startApp({ imports: [RedisStreamsModule.forRoot({ name: 'chat', url: redis.url })], name: 'chat', logger });
    await start();
    await start();
    await waitFor(() => logger.matching(/joined/).length > 0);
    expect(logger.lines.find(({ message }) => message.includes('joined'))!.context).toBe('RedisStreamsModule(chat)');
  });

  it('goes on although a listener throws', async () => {
    const redis = await startRedis();
    const options = { url: redis.url };
    const logger = new LogLines();
    const app = await startApp({ options, logger });
    app.nest.get(RedisStreams).events.on('nodeJoined', () => {
      throw new Error('a bug');
    });
    const other = await startApp({ options, logger });
    onTestFinished(() => other.nest.close());
    await waitFor(() => logger.matching(/^error: A listener of the event `nodeJoined` failed: a bug/).length === 1);
    const [near, far] = [await app.client(), await other.client()];
    near.socket.emit('say', 'hello');
    expect(await far.next('said')).toEqual([['hello']]);
  });
});
