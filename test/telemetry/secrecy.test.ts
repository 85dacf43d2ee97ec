import { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { Server, Socket } from 'socket.io';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { RedisStreamsEmitter } from '../../src/module/index.js';
import { AttributeName, createTelemetry, MetricName } from '../../src/telemetry/index.js';
import type { TestClient } from '../../src/testing/index.js';
import { waitFor } from '../harness/index.js';
import { exportedBy, quotes } from './exported.js';
import { FailingGateway } from './failing-gateway.js';
import { ObservedCluster, OUTBOX } from './observed-cluster.js';
import { Recorder } from './recorder.js';
import { instrumentRedis } from './redis-instrumentation.js';

// What is the users' own begins with the mark wherever a test may choose it: whatever is done with it, nothing that was
// exported holds the mark. That the search finds one wherever it may be, exported.test.ts shows.
const MARK = 'marked-';
const XADD = 'xadd socket.io';
const PROCESS = 'process socket.io';

const HANDSHAKE = {
  auth: { token: 'marked-token' },
  query: { key: 'marked-query' },
  extraHeaders: { authorization: 'marked-header' },
};

let cluster: ObservedCluster;
let near: Recorder;
let far: Recorder;
/** What the rest of the process exports: the test, and an instrumentation of the Redis client that tells whole commands. */
let others: Recorder;
/** What is looked for besides the mark: ids of sockets and of sessions. */
const ids = new Set<string>();
const offsets = new Set<string>();

beforeAll(async () => {
  instrumentRedis();
  others = new Recorder().install();
  cluster = await ObservedCluster.start(2, {
    gateways: [FailingGateway],
    module: {
      // What is answered is answered in time, on a slow machine, too.
      heartbeatInterval: 500,
      heartbeatTimeout: 20_000,
      requestTimeout: 3_000,
      restoreTimeout: 10_000,
    },
  });
  [near, far] = cluster.recorders as [Recorder, Recorder];
});
afterAll(async () => {
  await cluster?.test.stop();
  Recorder.uninstall();
});
beforeEach(() => cluster.test.settled({ deadline: 20_000 }));
// Of everything so far: what one test lets out, those after it find as well.
afterEach(async () => {
  for (const recorder of [near, far, others]) {
    const text = await exportedBy(recorder);
    expect(quotes(text, [MARK, ...ids])).toEqual([]);
    // An offset is the id of an entry, which spans about that entry do have; nothing ties it to a client or a session.
    expect(quotes(text.replaceAll(/"messaging\.message\.id":"[^"]*"/g, ''), offsets)).toEqual([]);
  }
});

function socketOf(index: number, client: TestClient): Socket {
  return cluster.server(index).sockets.sockets.get(client.id)!;
}

/** A client whose handshake, room and data are marked. */
async function connect(index: number, room: string): Promise<TestClient> {
  const client = await cluster.test.connect(index, HANDSHAKE);
  onTestFinished(() => client.close());
  const socket = socketOf(index, client);
  Object.assign(socket.data as object, { secret: 'marked-data' });
  await socket.join(room);
  noteIds(client);
  return client;
}

function noteIds(client: TestClient): void {
  ids.add(client.id).add(client.pid!);
}

/** Does something inside a span, as a handler does. Resolves with the trace, and with what came of it. */
async function traced<T>(run: (server: Server) => T): Promise<[traceId: string, result: Awaited<T>]> {
  const action = trace.getTracer('test').startSpan('action', {}, ROOT_CONTEXT);
  try {
    const result = await context.with(trace.setSpan(ROOT_CONTEXT, action), () => run(cluster.server(0)));
    return [action.spanContext().traceId, result];
  } finally {
    action.end();
  }
}

function span(recorder: Recorder, name: string, matches: (span: ReadableSpan) => boolean): Promise<ReadableSpan> {
  return waitFor(() => recorder.spans.find((one) => one.name === name && matches(one)), {
    deadline: 15_000,
    what: `the span "${name}"`,
  });
}

function of(traceId: string): (span: ReadableSpan) => boolean {
  return (one) => one.spanContext().traceId === traceId;
}

function linkedTo(other: ReadableSpan): (span: ReadableSpan) => boolean {
  const { spanId } = other.spanContext();
  return (one) => one.links.some((link) => link.context.spanId === spanId);
}

/** The spans of a message: where it was published, and where it was delivered. */
async function travelled(traceId: string, type: string): Promise<[sent: ReadableSpan, processed: ReadableSpan]> {
  const both = await Promise.all([span(near, XADD, of(traceId)), span(far, PROCESS, of(traceId))]);
  for (const { attributes } of both) expect(attributes[AttributeName.MESSAGE_TYPE]).toBe(type);
  await span(far, 'xread socket.io', linkedTo(both[0]));
  return both;
}

describe('Nothing that is the users’ own is exported', () => {
  it('of an emit: its event, its payload, its rooms', async () => {
    const client = await connect(1, 'marked-room');
    const [traceId] = await traced((server) =>
      server.to(['marked-room', 'marked-empty']).except('marked-except').emit('marked-event', { text: 'marked-text' }),
    );
    expect(await client.next('marked-event')).toEqual([[{ text: 'marked-text' }]]);
    await travelled(traceId, 'broadcast');
  });

  it('of what is emitted by the emitter', async () => {
    const client = await connect(1, 'marked-room');
    const emitter = cluster.test.nodes[0]!.app.get(RedisStreamsEmitter);
    await emitter.ready();
    const [traceId] = await traced(() => emitter.to('marked-room').emit('marked-event', 'marked-text'));
    expect(await client.next('marked-event')).toEqual([['marked-text']]);
    await travelled(traceId, 'broadcast');
  });

  it('of a broadcast with acknowledgement: the question, and the answer of a client', async () => {
    const client = await connect(1, 'marked-room');
    client.socket.on('marked-question', (text: string, answer: (text: string) => void) => answer(`${text}-answer`));
    const [traceId, answers] = await traced((server) =>
      server.timeout(10_000).to('marked-room').emitWithAck('marked-question', 'marked-text'),
    );
    expect(answers).toEqual(['marked-text-answer']);
    await travelled(traceId, 'broadcast_with_ack');
    await span(near, 'request broadcast_with_ack', of(traceId));
  });

  it('of a serverSideEmit: its event, its arguments', async () => {
    const notes: unknown[][] = [];
    cluster.server(1).on('marked-note', (...args: unknown[]) => void notes.push(args));
    const [traceId] = await traced((server) => server.serverSideEmit('marked-note', { text: 'marked-text' }));
    await travelled(traceId, 'server_side_emit');
    expect(notes).toEqual([[{ text: 'marked-text' }]]);
  });

  it('of a serverSideEmit with acknowledgement: its arguments, and the answer', async () => {
    cluster.server(1).on('marked-question', (text: string, answer: (text: string) => void) => answer(`${text}-answer`));
    const [traceId, answers] = await traced((server) => server.serverSideEmitWithAck('marked-question', 'marked-text'));
    expect(answers).toEqual(['marked-text-answer']);
    await travelled(traceId, 'server_side_emit_with_ack');
    await span(near, 'request server_side_emit', of(traceId));
  });

  it('of a serverSideEmit that nobody answers', async () => {
    const [traceId, error] = await traced((server) =>
      server.serverSideEmitWithAck('marked-silence', 'marked-text').catch((failure: unknown) => failure),
    );
    expect(error).toMatchObject({ name: 'RequestTimeoutError' });
    await travelled(traceId, 'server_side_emit_with_ack');
    const request = await span(near, 'request server_side_emit', of(traceId));
    expect(request.attributes[AttributeName.ERROR_TYPE]).toBe('timeout');
  });

  it('of fetchSockets: ids, rooms, data, handshakes', async () => {
    const client = await connect(1, 'marked-fetched');
    const [traceId, sockets] = await traced((server) => server.in('marked-fetched').fetchSockets());
    expect(sockets).toHaveLength(1);
    const { id, rooms, data, handshake } = sockets[0]!;
    expect([id, ...rooms]).toEqual([client.id, client.id, 'marked-fetched']);
    expect(data).toEqual({ secret: 'marked-data' });
    const { auth, query, extraHeaders: headers } = HANDSHAKE;
    expect(handshake).toMatchObject({ auth, query, headers });
    await travelled(traceId, 'fetch_sockets');
    await span(near, 'request fetch_sockets', of(traceId));
  });

  it('of socketsJoin, socketsLeave and disconnectSockets: rooms', async () => {
    const client = await connect(1, 'marked-from');
    const { rooms } = socketOf(1, client);

    const [joined] = await traced((server) => server.in('marked-from').socketsJoin(['marked-to', 'marked-beside']));
    await travelled(joined, 'sockets_join');
    expect([...rooms]).toEqual([client.id, 'marked-from', 'marked-to', 'marked-beside']);

    const [left] = await traced((server) => server.in('marked-from').socketsLeave('marked-to'));
    await travelled(left, 'sockets_leave');
    expect([...rooms]).toEqual([client.id, 'marked-from', 'marked-beside']);

    const [disconnected] = await traced((server) => server.in('marked-beside').disconnectSockets(true));
    await client.disconnected();
    await travelled(disconnected, 'disconnect_sockets');
  });

  it('of a message that waits in the outbox, and of one that finds no room in it', async () => {
    const client = await connect(1, 'marked-outbox');
    await cluster.test.redis.kill();
    const away = async (): Promise<boolean> =>
      (await cluster.test.nodes[0]!.snapshot()).every(({ connections }) =>
        connections.every(({ state }) => state === 'reconnecting'),
      );
    await waitFor(away, { deadline: 20_000, what: 'the node to notice that Redis is away' });
    const [traceId] = await traced((server) => {
      for (let i = 0; i <= OUTBOX; i++) server.to('marked-outbox').emit('marked-event', `marked-${i}`);
    });
    const created = await span(near, 'create socket.io', of(traceId));
    await cluster.test.redis.restart();

    await client.next('marked-event', OUTBOX, { deadline: 20_000 });
    await span(near, XADD, (one) => one.kind === SpanKind.CLIENT && linkedTo(created)(one));
    await span(far, PROCESS, of(traceId));
    for (const role of ['writer', 'reader', 'subscriber']) await span(near, `redis.reconnect ${role}`, () => true);
    const dropped = await near.values(MetricName.DROPPED_MESSAGES);
    expect(dropped.map(([attributes]) => attributes[AttributeName.DROP_REASON])).toContain('outbox_full');
  });

  it('of a publication that Redis refuses', async () => {
    const refused = ({ attributes }: ReadableSpan): boolean => attributes[AttributeName.ERROR_TYPE] === 'NOPERM';
    await cluster.forbid('xadd');
    const [traceId] = await traced((server) => server.to('marked-refused').emit('marked-event', 'marked-text'));
    await span(near, XADD, refused);
    await cluster.allow('xadd');
    await travelled(traceId, 'broadcast');
  });
});

describe('Nothing of an error is exported but its kind', () => {
  const FAILURES: Array<[what: string, failure: unknown, type: string]> = [
    [
      'an error, with its message, its stack, its cause and its code',
      Object.assign(new RangeError('marked-message', { cause: new Error('marked-cause') }), { code: 'marked-code' }),
      'RangeError',
    ],
    ['an error with a name of its own', Object.assign(new Error('marked-message'), { name: 'marked-name' }), '_OTHER'],
    ['what is no error', 'marked-thrown', '_OTHER'],
  ];

  function expectFailure({ status, events, attributes }: ReadableSpan, type: string): void {
    expect(status).toEqual({ code: SpanStatusCode.ERROR });
    expect(events).toEqual([]);
    expect(attributes[AttributeName.ERROR_TYPE]).toBe(type);
  }

  it.each(FAILURES)('that a listener of serverSideEmit throws: %s', async (_what, failure, type) => {
    cluster.server(1).once('marked-trouble', () => {
      throw failure;
    });
    const [traceId] = await traced((server) => server.serverSideEmit('marked-trouble', 'marked-text'));
    const [, processed] = await travelled(traceId, 'server_side_emit');
    expectFailure(processed, type);
    // A listener that throws is a message dropped, and it took so long.
    const failed = await far.histogram(MetricName.PROCESS_DURATION);
    expect(failed.map(({ attributes }) => attributes[AttributeName.ERROR_TYPE])).toContain(type);
  });

  it.each(FAILURES)('that a listener of a socket throws when it is emitted to: %s', async (_what, failure, type) => {
    const client = await connect(1, 'marked-room');
    socketOf(1, client).onAnyOutgoing(() => {
      throw failure;
    });
    const [traceId] = await traced((server) => server.to('marked-room').emit('marked-event', 'marked-text'));
    await client.next('marked-event');
    const [, processed] = await travelled(traceId, 'broadcast');
    expectFailure(processed, type);
  });

  describe.each(['throws', 'rejects', 'observes'])('that a handler of a gateway %s', (event) => {
    it.each(FAILURES)('%s', async (_what, failure) => {
      const client = await connect(0, 'marked-room');
      cluster.test.nodes[0]!.app.get(FailingGateway).failure = failure;
      const before = near.spans.length;
      client.socket.emit(event, 'marked-argument');
      expect(JSON.stringify(await client.next('exception'))).toContain('marked-argument');
      await waitFor(() =>
        near.spans
          .slice(before)
          .some(({ name, attributes }) => name === 'process /' && attributes[AttributeName.EVENT_NAME] === event),
      );
    });
  });

  // Nest turns what a handler throws into the event `exception` before its span can see it, so the span is shown one here.
  it.each(FAILURES)('that ends the span of a handler: %s', async (_what, failure, type) => {
    const { tracerProvider, meterProvider } = near;
    const before = near.spans.length;
    const fail = (): never => {
      throw failure;
    };
    expect(() => createTelemetry({ tracerProvider, meterProvider }).handle('/', 'shown', fail)).toThrow();
    const [handled] = near.spans.slice(before).filter(({ name }) => name === 'process /');
    expectFailure(handled!, type);
  });
});

describe('Nothing of a session is exported', () => {
  it.each([
    ['memory', 1, 0],
    ['redis', 0, 1],
  ] as const)('that is saved on one node, and restored from %s on the other', async (source, from, to) => {
    const [before, after] = [cluster.recorders[from]!, cluster.recorders[to]!];
    const known = [before.spans.length, after.spans.length] as const;
    const client = await connect(from, 'marked-room');
    cluster.server(0).to('marked-room').emit('marked-event', 'marked-text');
    await client.next('marked-event');
    expect(client.offset).toMatch(/^\d+-\d+/);
    offsets.add(client.offset!);
    await client.drop();
    await span(before, 'persist_session /', (one) => before.spans.indexOf(one) >= known[0]);

    cluster.server(0).to('marked-room').emit('marked-event', 'marked-missed');
    await client.connect(cluster.test.nodes[to]!);
    expect(client.recovered).toBe(true);
    expect(await client.next('marked-event', 2)).toEqual([['marked-text'], ['marked-missed']]);
    expect(socketOf(to, client).data).toEqual({ secret: 'marked-data' });
    const restored = await span(after, 'restore_session /', (one) => after.spans.indexOf(one) >= known[1]);
    expect(restored.attributes).toMatchObject({
      'socketio.session.outcome': 'restored',
      'socketio.session.source': source,
    });
  });

  it.each([
    ['not_found', { _pid: 'marked-pid', _lastOffset: '1-0' }],
    ['invalid', { _pid: 'marked-pid', _lastOffset: 'marked-offset' }],
  ])('that a client makes up: %s', async (outcome, made) => {
    const client = await cluster.test.client(1, HANDSHAKE);
    onTestFinished(() => client.close());
    Object.assign(client.socket, made);
    await client.connect();
    noteIds(client);
    expect(client.recovered).toBe(false);
    await span(far, 'restore_session /', ({ attributes }) => attributes[AttributeName.SESSION_OUTCOME] === outcome);
  });

  it('that can be neither fetched nor saved, for what it holds', async () => {
    const client = await connect(1, 'marked-unfit');
    Object.assign(socketOf(1, client).data as object, { 'marked-count': 1n });
    const [traceId, error] = await traced((server) =>
      server
        .in('marked-unfit')
        .fetchSockets()
        .catch((failure: unknown) => failure),
    );
    expect(error).toMatchObject({ name: 'RemoteNodeError' });
    const request = await span(near, 'request fetch_sockets', of(traceId));
    expect(request.attributes[AttributeName.ERROR_TYPE]).toBe('RemoteNodeError');

    await client.drop();
    const failed = ({ attributes }: ReadableSpan): boolean =>
      attributes[AttributeName.ERROR_TYPE] === 'SerializationError';
    await span(far, 'persist_session /', failed);
  });
});

describe('What was looked through', () => {
  it('holds the metrics of what was done', async () => {
    const counted = async (recorder: Recorder, name: string): Promise<boolean> =>
      (await recorder.values(name)).length > 0;
    const measured = async (recorder: Recorder, name: string): Promise<boolean> =>
      (await recorder.histogram(name)).some(({ count }) => count > 0);

    for (const name of [MetricName.SENT_MESSAGES, MetricName.DROPPED_MESSAGES, MetricName.REDIS_RECONNECTIONS]) {
      expect(await counted(near, name), name).toBe(true);
    }
    for (const name of [MetricName.CONSUMED_MESSAGES, MetricName.DROPPED_MESSAGES, MetricName.RESTORES]) {
      expect(await counted(far, name), name).toBe(true);
    }
    for (const name of [MetricName.OPERATION_DURATION, MetricName.REQUEST_DURATION, MetricName.RESTORE_DURATION]) {
      expect(await measured(near, name), name).toBe(true);
    }
    for (const name of [MetricName.PROCESS_DURATION, MetricName.DELIVERY_DURATION, MetricName.PERSIST_DURATION]) {
      expect(await measured(far, name), name).toBe(true);
    }
  });

  it('holds commands of the Redis client that are not the adapter’s own, whole', async () => {
    await cluster.test.redis.command('ECHO', 'watched');
    expect(quotes(await exportedBy(others), ['ECHO watched'])).toHaveLength(1);
  });
});
