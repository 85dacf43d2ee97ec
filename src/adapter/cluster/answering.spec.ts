import { MessageType } from 'socket.io-adapter';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openConnection } from '../../../test/harness/redis-connections.js';
import { RedisProxy } from '../../testing/redis-proxy.js';
import { RedisServer } from '../../testing/redis-server.js';
import { waitFor } from '../../testing/wait-for.js';
import type { RedisConnection } from '../redis/driver.js';
import { Answering } from './answering.js';
import { Bus, type BusMessage } from './bus.js';
import { PubSubCarrier } from './pubsub-carrier.js';

let redis: RedisServer;
let connection: RedisConnection;

beforeAll(async () => {
  redis = await RedisServer.start();
  connection = await openConnection(redis.url);
});

afterAll(async () => {
  connection.close();
  await redis.stop();
});

it('sends an answer that nobody has heard as it was at first, whatever has become of it since', async () => {
  const subscriber = await openConnection(redis.url, 'subscriber');
  const sent: Buffer[] = [];
  const carrier = new PubSubCarrier(connection, subscriber, false);
  const publish = carrier.publish.bind(carrier);
  carrier.publish = (channel, payload) => {
    sent.push(payload);
    return publish(channel, payload);
  };
  const bus = new Bus(carrier, 'test', () => undefined);
  const answering = new Answering(bus, connection, { uid: 'answers', requestTimeout: 20_000 }, () => true);
  const heard: BusMessage[] = [];

  const packet = { value: 'then' };
  const to = { uid: 'asks', namespace: '/', foreign: false };
  const done = answering.send(to, MessageType.SERVER_SIDE_EMIT_RESPONSE, { requestId: 'r', packet });
  packet.value = 'now';
  await waitFor(() => sent.length > 1, { what: 'the answer to be sent again' });
  await bus.subscribe(bus.nodeChannel('asks'), (message) => heard.push(message));
  await done;
  await waitFor(() => heard.length > 0, { what: 'the answer' });
  subscriber.close();

  expect(heard[0]!.data).toEqual({ requestId: 'r', packet: { value: 'then' } });
  // made once: the very same bytes
  expect(new Set(sent).size).toBe(1);
});

it('sends an answer once the connection is back, also one that must not be sent twice', async () => {
  const proxy = await RedisProxy.start(redis.port);
  const [publisher, subscriber] = [await openConnection(proxy.url), await openConnection(redis.url, 'subscriber')];
  const bus = new Bus(new PubSubCarrier(publisher, subscriber, false), 'test', () => undefined);
  const answering = new Answering(bus, publisher, { uid: 'answers', requestTimeout: 20_000 }, () => true);
  const heard: BusMessage[] = [];
  await bus.subscribe(bus.namespaceChannel('/', 'peer'), (message) => heard.push(message));

  proxy.cut();
  await waitFor(() => publisher.state === 'reconnecting', { what: 'the connection to be lost' });
  const to = { uid: 'peer', namespace: '/', foreign: true };
  const done = answering.send(to, MessageType.SERVER_SIDE_EMIT_RESPONSE, { requestId: 'r' });
  proxy.restore();
  await done;
  await waitFor(() => heard.length > 0, { what: 'the answer' });
  for (const connection of [publisher, subscriber]) connection.close();
  proxy.stop();

  expect(heard).toHaveLength(1);
});
