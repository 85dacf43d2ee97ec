import { createClient } from 'redis';
import { expect, it, onTestFinished } from 'vitest';
import { createEmitter } from '../../src/adapter/index.js';
import { startRedis, TestClient, waitFor } from '../harness/index.js';
import { Balancer } from './fixtures/balancer.js';
import { NestRelease } from './fixtures/nest-release.js';

const CLIENTS = 30;

it('A rolling restart of 3 nodes under traffic: nobody notices but by a reconnection', async () => {
  const redis = await startRedis();
  const balancer = await Balancer.start();
  const start = () => NestRelease.current().start({ REDIS_URL: redis.url, DRAIN_TIMEOUT: '1000' });
  const nodes = await Promise.all([start(), start(), start()]);
  for (const { url } of nodes) await balancer.add(url);

  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connect(balancer.url)));
  const recoveries = clients.map(({ socket }) => {
    const recovered: boolean[] = [];
    socket.on('connect', () => recovered.push(socket.recovered));
    return recovered;
  });
  const emitter = createEmitter(createClient({ url: redis.url }));
  onTestFinished(() => emitter.close());
  let sent = 0;
  const tick = () => emitter.to('room').emit('tick', sent++);
  const traffic = setInterval(() => void tick(), 3);
  onTestFinished(() => clearInterval(traffic));

  for (const node of nodes) {
    await balancer.add((await start()).url);
    await node.stop();
    balancer.remove(node.url);
  }
  await waitFor(() => clients.every(({ socket }) => socket.connected), { what: 'the clients to be back' });
  clearInterval(traffic);
  await tick();

  const expected = Array.from({ length: sent }, (_, n) => [n]);
  for (const client of clients) expect(await client.next('tick', sent)).toEqual(expected);
  expect(sent).toBeGreaterThan(500);
  // Every client was on one of the nodes that are no more.
  for (const recovered of recoveries) {
    expect(recovered.length).toBeGreaterThan(0);
    expect(new Set(recovered)).toEqual(new Set([true]));
  }
}, 180_000);

/** A client as people have it: it comes back by itself. */
async function connect(url: string): Promise<TestClient> {
  const client = new TestClient(url, { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 100 });
  onTestFinished(() => client.close());
  await client.connect();
  await client.socket.emitWithAck('join', 'room');
  return client;
}
