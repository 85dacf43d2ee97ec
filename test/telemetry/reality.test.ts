import { context, SpanKind } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AttributeName, MetricName } from '../../src/telemetry/index.js';
import type { TestClient } from '../../src/testing/index.js';
import { waitFor } from '../harness/index.js';
import { documentedMetrics, documentedSpans, emittedMetrics, emittedSpans } from './contract.js';
import { ObservedCluster, OUTBOX } from './observed-cluster.js';
import type { Recorder } from './recorder.js';

// Everything that the contract names, where it really happens: to Nest applications, over a real Redis.
let cluster: ObservedCluster;
let near: Recorder;
let far: Recorder;

beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  cluster = await ObservedCluster.start(2);
  [near, far] = cluster.recorders as [Recorder, Recorder];
});
afterAll(async () => {
  await cluster.test.stop();
  context.disable();
});
beforeEach(() => cluster.test.settled({ deadline: 20_000 }));

/** The sum of a metric's points that have this value of the attribute, or of all; of a histogram, how many records it has. */
async function count(recorder: Recorder, name: string, attribute?: string, value?: string): Promise<number> {
  const points = ((await recorder.metric(name))?.dataPoints ?? []) as Array<{
    attributes: Record<string, unknown>;
    value: number | { count: number };
  }>;
  return points
    .filter(({ attributes }) => attribute === undefined || (attributes[attribute] ?? 'none') === value)
    .reduce((sum, point) => sum + (typeof point.value === 'number' ? point.value : point.value.count), 0);
}

function until(recorder: Recorder, name: string, attribute?: string, value?: string): Promise<boolean> {
  const what = `${name}${attribute === undefined ? '' : ` with ${attribute} = ${value}`}`;
  return waitFor(async () => (await count(recorder, name, attribute, value)) > 0, { deadline: 15_000, what });
}

function span(recorder: Recorder, name: string, matches: (span: ReadableSpan) => boolean = () => true) {
  return waitFor(() => recorder.spans.find((one) => one.name === name && matches(one)), {
    deadline: 15_000,
    what: `the span "${name}"`,
  });
}

/** A client that was away, and comes back with what it has been made to have. */
async function comesBack(to: number, change: (client: TestClient) => unknown = () => undefined): Promise<TestClient> {
  const client = await cluster.test.connect(0);
  cluster.server(0).emit('said', 'before');
  await client.next('said');
  await client.drop();
  await change(client);
  return client.connect(cluster.test.nodes[to]!);
}

describe('What happens is told', () => {
  it('of a message: its handler, its publication, and its delivery on the other node', async () => {
    const sender = await cluster.test.connect(0);
    const receiver = await cluster.test.connect(1);
    sender.socket.emit('say', 'hello');
    await receiver.next('said');

    const handler = await span(near, 'process /');
    const xadd = await span(
      near,
      'xadd socket.io',
      (one) => one.parentSpanContext?.spanId === handler.spanContext().spanId,
    );
    const process = await span(
      far,
      'process socket.io',
      (one) => one.parentSpanContext?.spanId === xadd.spanContext().spanId,
    );
    expect(xadd.kind).toBe(SpanKind.PRODUCER);
    expect(process.attributes[AttributeName.DELIVERED_COUNT]).toBe(1);
    await span(far, 'xread socket.io');
    for (const name of [MetricName.OPERATION_DURATION, MetricName.SENT_MESSAGES]) await until(near, name);
    for (const name of [MetricName.CONSUMED_MESSAGES, MetricName.PROCESS_DURATION, MetricName.DELIVERY_DURATION]) {
      await until(far, name);
    }
    expect(await count(near, MetricName.CONNECTIONS, AttributeName.NAMESPACE, '/')).toBe(1);
    for (const result of ['messages', 'empty']) await until(far, MetricName.POLLS, AttributeName.POLL_RESULT, result);
    await until(far, MetricName.STREAM_LENGTH);
  });

  it('of a message that a node has no socket for', async () => {
    cluster.server(0).to('nobody').emit('said', 'unheard');
    await until(far, MetricName.SKIPPED_MESSAGES);
  });

  it('of a namespace that was made from a pattern, without its name', async () => {
    await cluster.test.connect(0, { namespace: '/dynamic-7' });
    expect(await count(near, MetricName.CONNECTIONS, AttributeName.NAMESPACE, '_dynamic')).toBe(1);
  });

  it('of every kind of message', async () => {
    const server = cluster.server(0);
    server.emit('said', 'x');
    server.in('nobody').socketsJoin('room');
    server.in('nobody').socketsLeave('room');
    server.in('nobody').disconnectSockets();
    server.serverSideEmit('note');
    await server.fetchSockets();
    await server.serverSideEmitWithAck('question');
    await server.timeout(10_000).to('nobody').emitWithAck('question');
    for (const type of [
      'broadcast',
      'sockets_join',
      'sockets_leave',
      'disconnect_sockets',
      'server_side_emit',
      'fetch_sockets',
      'server_side_emit_with_ack',
      'broadcast_with_ack',
    ]) {
      await until(near, MetricName.SENT_MESSAGES, AttributeName.MESSAGE_TYPE, type);
      await until(far, MetricName.CONSUMED_MESSAGES, AttributeName.MESSAGE_TYPE, type);
    }
    for (const type of ['fetch_sockets', 'server_side_emit', 'broadcast_with_ack']) {
      await span(near, `request ${type}`);
      await until(near, MetricName.REQUEST_DURATION, AttributeName.REQUEST_TYPE, type);
    }
  });

  it('of a node that does not answer, is lost, and is back', async () => {
    cluster.test.nodes[1]!.stall();
    await expect(cluster.server(0).fetchSockets()).rejects.toThrow('timed out');
    await until(near, MetricName.CLUSTER_TRANSITIONS, AttributeName.CLUSTER_TRANSITION, 'lost');
    cluster.test.nodes[1]!.restore();
    await cluster.test.settled({ deadline: 20_000 });

    await until(near, MetricName.MISSING_RESPONSES, AttributeName.REQUEST_TYPE, 'fetch_sockets');
    await until(near, MetricName.REQUEST_DURATION, AttributeName.ERROR_TYPE, 'timeout');
    await span(near, 'cluster.transition lost');
    await span(near, 'cluster.transition joined');
    await until(near, MetricName.HEARTBEAT_GAP);
    for (const direction of ['sent', 'received']) {
      await until(near, MetricName.HEARTBEATS, AttributeName.HEARTBEAT_DIRECTION, direction);
    }
  });

  it('of a node that comes and goes', async () => {
    const node = await cluster.test.addNode();
    await cluster.test.settled();
    expect(await count(near, MetricName.CLUSTER_SIZE)).toBe(3);
    await node.stop();
    await span(near, 'cluster.transition left');
    await until(near, MetricName.CLUSTER_TRANSITIONS, AttributeName.CLUSTER_TRANSITION, 'left');
  });

  it('of an outage of Redis: what waits, what finds no room, and what goes on afterwards', async () => {
    await cluster.test.redis.kill();
    await until(near, MetricName.REDIS_STATUS, AttributeName.REDIS_STATE, 'reconnecting');
    for (let i = 0; i < OUTBOX + 2; i++) cluster.server(0).emit('said', i);
    expect(await count(near, MetricName.OUTBOX_SIZE)).toBe(OUTBOX);
    await until(near, MetricName.HEARTBEATS, AttributeName.ERROR_TYPE, 'RedisUnavailableError');
    await until(near, MetricName.POLLS, AttributeName.POLL_RESULT, 'error');
    await cluster.test.redis.restart();
    await cluster.test.settled({ deadline: 20_000 });

    expect(await count(near, MetricName.DROPPED_MESSAGES, AttributeName.DROP_REASON, 'outbox_full')).toBe(2);
    expect(await count(near, MetricName.SENT_MESSAGES, AttributeName.ERROR_TYPE, 'OutboxFullError')).toBe(2);
    await span(near, 'create socket.io', ({ kind }) => kind === SpanKind.PRODUCER);
    const flush = await span(near, 'xadd socket.io', ({ kind }) => kind === SpanKind.CLIENT);
    expect(flush.attributes[AttributeName.MESSAGING_BATCH_MESSAGE_COUNT]).toBe(OUTBOX);
    for (const role of ['writer', 'reader', 'subscriber']) {
      await span(near, `redis.reconnect ${role}`);
      await until(near, MetricName.REDIS_RECONNECTIONS, AttributeName.REDIS_ROLE, role);
    }
  });

  it('of a publication that Redis refuses', async () => {
    await cluster.forbid('xadd');
    cluster.server(0).emit('said', 'refused');
    await until(near, MetricName.OPERATION_DURATION, AttributeName.ERROR_TYPE, 'NOPERM');
    await cluster.allow('xadd');
  });

  it('of messages that were trimmed away before they were read', async () => {
    const server = cluster.server(0);
    cluster.test.nodes[1]!.cut();
    for (let i = 0; i < 3; i++) server.emit('said', i);
    await waitFor(async () => (await count(near, MetricName.OUTBOX_SIZE)) === 0);
    await cluster.test.trim();
    cluster.test.nodes[1]!.restore();
    await until(far, MetricName.DROPPED_MESSAGES, AttributeName.DROP_REASON, 'gap');
  });

  it('of entries that are malformed, and of listeners that throw', async () => {
    await cluster.test.redis.command('XADD', 'socket.io', '*', 'nonsense', 'yes');
    await until(far, MetricName.DROPPED_MESSAGES, AttributeName.DROP_REASON, 'decode_error');
    cluster.server(0).serverSideEmit('trouble');
    await until(far, MetricName.DROPPED_MESSAGES, AttributeName.DROP_REASON, 'handler_error');
    await until(far, MetricName.PROCESS_DURATION, AttributeName.ERROR_TYPE, 'RangeError');
  });

  it('of a message that is in the stream twice', async () => {
    cluster.server(0).emit('said', 'twice');
    const last = await waitFor(async () => {
      const [entry] = (await cluster.test.redis.command('XREVRANGE', 'socket.io', '+', '-', 'COUNT', '1')) as Array<
        [string, string[]]
      >;
      return entry?.[1].join().includes('twice') && entry[1];
    });
    // As it is added again by a node that lost the reply.
    await cluster.test.redis.command('XADD', 'socket.io', '*', ...last);
    await until(far, MetricName.DUPLICATE_MESSAGES);
  });

  it('of a slow consumer', async () => {
    await cluster.forbid('xread');
    for (const later of [0, 6_000]) {
      await cluster.test.redis.command('XADD', 'socket.io', `${Date.now() + later}-0`, 'nonsense', 'yes');
    }
    await waitFor(async () => (await count(far, MetricName.STREAM_LAG)) > 4, { what: 'the node to be behind' });
    expect(await count(far, MetricName.STREAM_RETENTION)).toBeGreaterThan(0);
    await cluster.allow('xread');
  });

  it('of a session that is restored: from memory on one node, from Redis on the other', async () => {
    const missed = (): unknown => cluster.server(0).emit('said', 'missed');
    for (const [node, recorder, source] of [
      [0, near, 'memory'],
      [1, far, 'redis'],
    ] as const) {
      expect((await comesBack(node, missed)).recovered).toBe(true);
      const { attributes } = await span(
        recorder,
        'restore_session /',
        (one) => one.attributes[AttributeName.SESSION_SOURCE] === source,
      );
      expect(attributes).toMatchObject({
        'socketio.session.outcome': 'restored',
        'socketio.session.missed_packets': 1,
      });
      await until(recorder, MetricName.MISSED_PACKETS, AttributeName.SESSION_SOURCE, source);
      await until(recorder, MetricName.RESTORE_DURATION, AttributeName.SESSION_SOURCE, source);
    }
    await span(near, 'persist_session /');
    await until(near, MetricName.PERSIST_DURATION, AttributeName.ERROR_TYPE, 'none');
  });

  it.each<[string, (client: TestClient) => unknown]>([
    ['not_found', (client) => Object.assign(client.socket, { _pid: 'unknown' })],
    ['invalid', (client) => (client.offset = 'nonsense')],
    [
      'trimmed',
      async () => {
        cluster.server(0).emit('said', 'missed');
        await waitFor(async () => (await count(near, MetricName.OUTBOX_SIZE)) === 0);
        await cluster.test.trim();
      },
    ],
  ])('of a session that is not restored: %s', async (outcome, change) => {
    expect((await comesBack(1, change)).recovered).toBe(false);
    await until(far, MetricName.RESTORES, AttributeName.SESSION_OUTCOME, outcome);
  });

  it('of a session that belongs to another namespace', async () => {
    const stranger = await cluster.test.client(1, { namespace: '/chat' });
    const owner = await comesBack(1, async (client) => {
      Object.assign(stranger.socket, { _pid: client.pid });
      stranger.offset = client.offset;
      await stranger.connect();
    });
    expect([stranger.recovered, owner.recovered]).toEqual([false, true]);
    await until(far, MetricName.RESTORES, AttributeName.SESSION_OUTCOME, 'forbidden');
  });

  it('of a session that Redis is not there for', async () => {
    await comesBack(1, async () => {
      await cluster.test.redis.kill();
      await until(far, MetricName.REDIS_STATUS, AttributeName.REDIS_STATE, 'reconnecting');
    });
    await until(far, MetricName.RESTORES, AttributeName.SESSION_OUTCOME, 'error');
    await until(far, MetricName.RESTORE_DURATION, AttributeName.ERROR_TYPE, 'timeout');
    await cluster.test.redis.restart();
  });

  it('of a session that cannot be written', async () => {
    const client = await cluster.test.connect(0);
    const socket = cluster.server(0).sockets.sockets.get(client.id)!;
    Object.assign(socket.data as object, { count: 1n });
    await client.drop();
    await until(near, MetricName.PERSIST_DURATION, AttributeName.ERROR_TYPE, 'SerializationError');
  });
});

it('Nothing else is told than what the contract names, and nothing of it is missing', async () => {
  const spans = cluster.recorders.flatMap((recorder) => recorder.spans);
  const metrics = (await Promise.all(cluster.recorders.map((recorder) => recorder.metrics()))).flat();

  expect(emittedSpans(spans)).toEqual(documentedSpans());
  expect(emittedMetrics(metrics)).toEqual(documentedMetrics());
});
