import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { poll } from '../../src/testing/poll.js';
import { TestClient } from '../../src/testing/test-client.js';
import { connectTo, startTracedCluster, type TracedCluster, type TraceNode } from './trace-cluster.js';
import type { NodeSpan } from './trace-node.js';

const XADD = 'xadd socket.io';
const PROCESS = 'process socket.io';

let cluster: TracedCluster;
let a: TraceNode;
let b: TraceNode;

beforeAll(async () => {
  cluster = await startTracedCluster();
  ({ a, b } = cluster);
});
afterAll(() => cluster?.end());
beforeEach(() => {
  a.spans.length = 0;
  b.spans.length = 0;
});

/** Follows one action of node A to node B; returns the spans of the way, which have been found to be one trace. */
async function follow(operation: string): Promise<Record<'sent' | 'processed', NodeSpan>> {
  const action = await a.named(`action ${operation}`);
  const sent = await a.named(XADD, action);
  const processed = await b.named(PROCESS, action);
  expect(processed.parent).toBe(sent.spanId);
  return { sent, processed };
}

test('a node that waits makes no span, and its commands make none either', async () => {
  const polls = async (): Promise<number> => {
    const metrics =
      await a.do<Array<{ descriptor: { name: string }; dataPoints: Array<{ attributes: object; value: number }> }>>(
        'metrics',
      );
    const points = metrics.find(({ descriptor }) => descriptor.name === 'socketio.adapter.polls')?.dataPoints;
    return points?.find(({ attributes }) => Object.values(attributes).includes('empty'))?.value ?? 0;
  };
  expect(await poll(async () => (await polls()) > 5, 10_000)).toBe(true);

  const names = new Set(a.spans.map(({ name }) => name.split(' ')[0]));
  expect([...names].filter((name) => !['action', 'heartbeat', 'cluster.transition'].includes(name!))).toEqual([]);
});

test('an emit is one trace, from what emits on one node to the sockets on the other', async () => {
  const clients = [await connectTo(b, 'room'), await connectTo(b, 'room'), await connectTo(b, 'elsewhere')];
  await a.do('emit', 'room', 'hello');
  await clients[0]!.next('message');

  const { sent, processed } = await follow('emit');
  expect(sent).toMatchObject({
    kind: 'PRODUCER',
    parent: (await a.named('action emit')).spanId,
    attributes: { 'socketio.room.count': 1, 'socketio.message.type': 'broadcast', 'socketio.namespace': '/' },
  });
  const xread = await b.span('xread', ({ name, links }) => name === 'xread socket.io' && links.includes(sent.spanId));
  expect(processed).toMatchObject({
    kind: 'CONSUMER',
    links: [sent.spanId, xread.spanId],
    attributes: {
      'socketio.delivered.count': 2,
      'messaging.message.id': sent.attributes['messaging.message.id'],
      'server.address': '127.0.0.1',
    },
  });
});

test.each([
  ['fetchSockets', 'request fetch_sockets', 'fetch_sockets'],
  ['serverSideEmit', 'request server_side_emit', 'server_side_emit_with_ack'],
  ['broadcastWithAck', 'request broadcast_with_ack', 'broadcast_with_ack'],
])('%s is one trace, with the request and its answers', async (operation, name, type) => {
  const client = await connectTo(b, 'room');
  client.socket.on('question', (answer: (text: string) => void) => answer('answer'));
  await a.do(operation);

  const action = await a.named(`action ${operation}`);
  const request = await a.named(name, action);
  expect(request).toMatchObject({ kind: 'INTERNAL', parent: action.spanId, error: false });
  // of the other node: what the one that asks contributes itself is no response
  expect(request.attributes).toMatchObject({
    'socketio.adapter.request.expected_responses': 1,
    'socketio.adapter.request.received_responses': 1,
  });
  const { sent, processed } = await follow(operation);
  expect(sent.parent).toBe(request.spanId);
  expect(processed.attributes['socketio.message.type']).toBe(type);
});

test('a message that waited in the outbox keeps its trace', async () => {
  const client = await connectTo(b, 'room');
  await cluster.redis.kill();
  const away = async (): Promise<boolean> => (await a.do<string[]>('states')).every((state) => state !== 'ready');
  expect(await poll(away, 10_000)).toBe(true);
  await a.do('emit', 'room', 'hello');

  const action = await a.named('action emit');
  const created = await a.named('create socket.io', action);
  expect(created).toMatchObject({ kind: 'PRODUCER', parent: action.spanId });

  await cluster.redis.restart();
  await client.next('message', 1, { deadline: 20_000 });
  const flush = await a.span('flush', ({ name, kind }) => name === XADD && kind === 'CLIENT');
  expect(flush).toMatchObject({ parent: undefined, links: [created.spanId], error: false });
  const processed = await b.named(PROCESS, action);
  expect(processed).toMatchObject({ parent: created.spanId, attributes: { 'socketio.delivered.count': 1 } });
  for (const role of ['writer', 'reader', 'subscriber']) {
    expect(await a.named(`redis.reconnect ${role}`)).toMatchObject({ parent: undefined, error: false });
  }
});

test('a session is saved on one node and restored on the other', async () => {
  const client = await connectTo(b, 'room');
  await a.do('emit', 'room', 'first');
  await client.next('message');
  await client.drop();
  expect(await b.named('persist_session /')).toMatchObject({ kind: 'INTERNAL', error: false });

  await a.do('emit', 'room', 'missed');
  await client.connect(a.url);
  expect(client.recovered).toBe(true);
  expect(await a.named('restore_session /')).toMatchObject({
    kind: 'INTERNAL',
    error: false,
    attributes: { 'socketio.session.outcome': 'restored', 'socketio.session.missed_packets': 1 },
  });
});

test('a session that its node is asked for is one trace, from the client that has come back to the node that lets go', async () => {
  const ghost = await connectTo(b, 'room');
  await a.do('emit', 'room', 'first');
  await ghost.next('message');
  const heir = new TestClient(a.url);
  onTestFinished(() => heir.close());
  Object.assign(heir.socket, { _pid: ghost.pid, _lastOffset: ghost.offset });
  await heir.connect();
  expect(heir.recovered).toBe(true);

  const restored = await a.named('restore_session /');
  const saved = await b.named('persist_session /');
  expect([saved.traceId, saved.parent]).toEqual([restored.traceId, restored.spanId]);
});
