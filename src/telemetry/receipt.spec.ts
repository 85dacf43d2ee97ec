import { SamplingDecision } from '@opentelemetry/sdk-trace-base';
import { context, ROOT_CONTEXT, trace, type Counter, type Histogram } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { outline, Recorder, notingSampler } from '../../test/telemetry/recorder.js';
import { sourceOf, STREAM } from '../../test/telemetry/source.js';
import type { ReceivedMessage } from '../adapter/telemetry-port.js';
import { createTelemetry } from './index.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CREATION = 'b7ad6b7169203331';
const carrier = { traceparent: `00-${TRACE}-${CREATION}-01` };
const unsampled = { traceparent: `00-${TRACE}-${CREATION}-00` };

const redis = {
  'messaging.system': 'redis',
  'messaging.destination.name': STREAM,
  'server.address': '127.0.0.1',
  'server.port': 6379,
  'socketio.namespace': '/chat',
  'socketio.message.type': 'broadcast',
};

let recorder: Recorder;
let telemetry: ReturnType<typeof createTelemetry>;
beforeEach(() => {
  recorder = new Recorder().install();
  telemetry = createTelemetry();
  telemetry.observe(sourceOf());
});
afterEach(() => {
  vi.restoreAllMocks();
  Recorder.uninstall();
});

function entryOf(overrides: Partial<ReceivedMessage> = {}): ReceivedMessage {
  const id = `${Date.now() - 2_000}-0`;
  return { id, uid: 'node-b', namespace: '/chat', type: 'broadcast', own: false, carrier, ...overrides };
}

function receive(entries: ReceivedMessage[], deliver: (entry: ReceivedMessage) => number | undefined = () => 1): void {
  const receipt = telemetry.receive(STREAM, entries);
  for (const entry of entries) {
    receipt.process(entry, () => deliver(entry));
  }
  receipt.end();
}

describe('a poll that brought messages', () => {
  test('is a CLIENT span "xread {stream}" of its own trace, with links to the sampled messages of other nodes', () => {
    const active = recorder.tracerProvider.getTracer('test').startSpan('an old request');
    const other = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` };
    context.with(trace.setSpan(ROOT_CONTEXT, active), () =>
      receive([
        entryOf(),
        entryOf({ carrier: other, type: 'sockets_join' }),
        entryOf({ own: true }),
        entryOf({ carrier: unsampled }),
        entryOf({ carrier: undefined }),
      ]),
    );

    const { 'socketio.message.type': _, ...shared } = redis;
    expect(outline(recorder.span('xread socket.io'))).toEqual({
      name: 'xread socket.io',
      kind: 'CLIENT',
      attributes: {
        ...shared,
        'messaging.operation.name': 'xread',
        'messaging.operation.type': 'receive',
        'messaging.batch.message_count': 5,
      },
      parent: undefined,
      links: [CREATION, '00f067aa0ba902b7'],
      error: false,
    });
  });

  test.each([
    ['empty', []],
    ['of own messages', [entryOf({ own: true })]],
    ['of messages that are not sampled', [entryOf({ carrier: unsampled })]],
    ['of messages without context', [entryOf({ carrier: undefined })]],
    ['of messages with something else for a context', [entryOf({ carrier: { traceparent: 'x'.repeat(55) } })]],
  ])('makes no span: %s', (_what, entries) => {
    telemetry.poll(STREAM, 'messages');
    receive(entries);
    expect(recorder.spans.map((span) => span.name)).not.toContain('xread socket.io');
    expect(recorder.spans).toHaveLength(0);
  });

  test('has 128 links at most', () => {
    receive(Array.from({ length: 200 }, () => entryOf()));
    expect(recorder.span('xread socket.io').links).toHaveLength(128);
  });

  test('is counted, one addition for each type', async () => {
    telemetry.poll(STREAM, 'messages');
    telemetry.poll(STREAM, 'empty');
    telemetry.poll(STREAM, 'empty');
    telemetry.poll(STREAM, 'error');
    receive([entryOf(), entryOf(), entryOf({ type: 'response' }), entryOf({ own: true })]);

    const xread = {
      'messaging.system': 'redis',
      'messaging.operation.name': 'xread',
      'messaging.destination.name': STREAM,
    };
    expect(await recorder.values('messaging.client.consumed.messages')).toEqual([
      [{ ...xread, 'socketio.message.type': 'broadcast' }, 3],
      [{ ...xread, 'socketio.message.type': 'response' }, 1],
    ]);
    const poll = { 'messaging.destination.name': STREAM };
    expect(await recorder.values('socketio.adapter.polls')).toEqual([
      [{ ...poll, 'socketio.adapter.poll.result': 'messages' }, 1],
      [{ ...poll, 'socketio.adapter.poll.result': 'empty' }, 2],
      [{ ...poll, 'socketio.adapter.poll.result': 'error' }, 1],
    ]);
  });
});

describe('a message of this node', () => {
  const durations = ['messaging.process.duration', 'socketio.adapter.message.delivery.duration'] as const;

  test('is measured where it is delivered when it comes back, as with connection state recovery', async () => {
    receive([entryOf({ own: true })], () => 2);
    for (const name of durations) expect(await recorder.values(name), name).toHaveLength(1);
  });

  test('is not measured where everything was done when it was published', async () => {
    receive([entryOf({ own: true })], () => undefined);
    for (const name of durations) expect(await recorder.values(name), name).toEqual([]);
  });
});

describe('a message of another node', () => {
  test('is a CONSUMER span "process {stream}" with its creation as parent and link, and a link to the poll', () => {
    const entry = entryOf();
    receive([entry], () => 4);

    expect(outline(recorder.span('process socket.io'))).toEqual({
      name: 'process socket.io',
      kind: 'CONSUMER',
      attributes: {
        ...redis,
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        'messaging.message.id': entry.id,
        'socketio.node.uid': 'node-b',
        'socketio.delivered.count': 4,
      },
      parent: CREATION,
      links: [CREATION, recorder.span('xread socket.io').spanContext().spanId],
      error: false,
    });
    expect(recorder.span('process socket.io').spanContext().traceId).toBe(TRACE);
  });

  test('is known by what it holds, not by the object that describes it', () => {
    const receipt = telemetry.receive(STREAM, [entryOf()]);
    receipt.process(entryOf(), () => 1);
    receipt.end();
    expect(outline(recorder.span('process socket.io')).parent).toBe(CREATION);
  });

  test('is delivered inside its span and nothing else', () => {
    const active: unknown[] = [];
    const outer = recorder.tracerProvider.getTracer('test').startSpan('an old request');
    context.with(trace.setSpan(ROOT_CONTEXT, outer), () =>
      receive([entryOf(), entryOf({ carrier: undefined }), entryOf({ own: true })], () => {
        active.push(trace.getActiveSpan()?.spanContext().spanId);
        return 1;
      }),
    );
    expect(active).toEqual([recorder.span('process socket.io').spanContext().spanId, undefined, undefined]);
  });

  test('that is not sampled makes no span, and what its delivery does is not sampled, either', () => {
    let within;
    receive([entryOf({ carrier: unsampled })], () => {
      within = trace.getActiveSpan()?.spanContext();
      return 1;
    });
    expect(recorder.spans).toEqual([]);
    expect(within).toMatchObject({ traceId: TRACE, traceFlags: 0 });
  });

  test('that is not sampled is no question to the sampler', () => {
    const { sampler, asked } = notingSampler(SamplingDecision.RECORD_AND_SAMPLED);
    recorder = new Recorder(sampler).install();
    receive([entryOf({ carrier: unsampled }), entryOf({ own: true })]);
    expect(asked).toEqual([]);
    receive([entryOf()]);
    expect(asked).toEqual(['xread socket.io', 'process socket.io']);
  });

  test('keeps its tracestate', () => {
    let state;
    receive([entryOf({ carrier: { ...carrier, tracestate: 'a=1,b=2' } })], () => {
      state = trace.getActiveSpan()?.spanContext().traceState?.serialize();
      return 1;
    });
    expect(state).toBe('a=1,b=2');
  });

  test('that throws has status ERROR, and the error reaches the caller', () => {
    expect(() =>
      receive([entryOf()], () => {
        throw new TypeError('secret');
      }),
    ).toThrow('secret');
    const span = recorder.span('process socket.io');
    expect(outline(span).error).toBe(true);
    expect(span.attributes['error.type']).toBe('TypeError');
    expect(span.attributes).not.toHaveProperty('socketio.delivered.count');
  });

  test('is measured: the work, and the way from the stream to the sockets', async () => {
    receive([entryOf(), entryOf({ type: 'server_side_emit' })], (entry) =>
      entry.type === 'broadcast' ? 1 : undefined,
    );

    const process = {
      'messaging.system': 'redis',
      'messaging.operation.name': 'process',
      'messaging.destination.name': STREAM,
    };
    expect(await recorder.histogram('messaging.process.duration')).toEqual([
      { attributes: { ...process, 'socketio.message.type': 'broadcast' }, count: 1, sum: expect.any(Number) },
      { attributes: { ...process, 'socketio.message.type': 'server_side_emit' }, count: 1, sum: expect.any(Number) },
    ]);
    const [delivery] = await recorder.histogram('socketio.adapter.message.delivery.duration');
    expect(delivery).toMatchObject({ attributes: { 'messaging.destination.name': STREAM }, count: 2 });
    expect(delivery?.sum).toBeGreaterThanOrEqual(4);
    expect(delivery?.sum).toBeLessThan(10);
  });

  test('is measured with those of its type that it follows in its entry, and one that throws for itself', async () => {
    const types = ['broadcast', 'broadcast', 'sockets_join', 'broadcast', 'broadcast'] as const;
    const receipt = telemetry.receive(STREAM, []);
    for (const [index, type] of types.entries()) {
      const deliver = (): number => {
        if (index === 3) throw new TypeError();
        return 1;
      };
      const id = index === types.length - 1 ? '1-0' : `1-0.${index}`;
      try {
        receipt.process(entryOf({ id, type }), deliver);
      } catch {
        // is what it is about
      }
    }
    receipt.process(entryOf({ id: '2-0.0' }), () => 1);
    receipt.end();

    const process = {
      'messaging.system': 'redis',
      'messaging.operation.name': 'process',
      'messaging.destination.name': STREAM,
    };
    const broadcast = { ...process, 'socketio.message.type': 'broadcast' };
    const sum = expect.any(Number) as unknown;
    expect(await recorder.histogram('messaging.process.duration')).toEqual([
      { attributes: broadcast, count: 3, sum },
      { attributes: { ...process, 'socketio.message.type': 'sockets_join' }, count: 1, sum },
      { attributes: { ...broadcast, 'error.type': 'TypeError' }, count: 1, sum },
    ]);
  });

  test('is never delivered before it was sent, whatever the clocks say', async () => {
    receive([entryOf({ id: `${Date.now() + 60_000}-0` })]);
    expect(await recorder.histogram('socketio.adapter.message.delivery.duration')).toMatchObject([
      { count: 1, sum: 0 },
    ]);
  });

  test('for which there is no socket is skipped, not delivered', async () => {
    receive([entryOf(), entryOf(), entryOf()], () => 0);
    expect(await recorder.values('socketio.adapter.message.skipped')).toEqual([
      [{ 'messaging.destination.name': STREAM }, 3],
    ]);
    expect(await recorder.histogram('socketio.adapter.message.delivery.duration')).toEqual([]);
    expect(recorder.spans.filter(({ name }) => name === 'process socket.io')).toHaveLength(3);
  });

  test('costs two records at most, and counting none', () => {
    const probe = recorder.meterProvider.getMeter('probe');
    const counter = Object.getPrototypeOf(probe.createCounter('counter')) as Counter;
    const histogram = Object.getPrototypeOf(probe.createHistogram('histogram')) as Histogram;
    const spies = [vi.spyOn(counter, 'add'), vi.spyOn(histogram, 'record')];
    const records = (run: () => void): number => {
      spies.forEach((spy) => spy.mockClear());
      run();
      return spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
    };

    const message = { stream: STREAM, namespace: '/', type: 'broadcast', roomCount: 1, deferred: false } as const;
    const publish = (ids: readonly string[]): void => {
      const publications = ids.map(() => telemetry.publish(message));
      const write = telemetry.write(STREAM, undefined);
      write.end();
      publications.forEach((publication, index) => publication.published(ids[index]!));
    };
    expect(records(() => publish(['1-0']))).toBe(1);
    expect(records(() => receive(Array.from({ length: 100 }, () => entryOf())))).toBe(200);
    // Messages that share an entry were added by one XADD, and are equally long on their way.
    const together = ['1-0.0', '1-0.1', '1-0'];
    expect(records(() => publish(together))).toBe(1);
    expect(records(() => receive(together.map((id) => entryOf({ id }))))).toBe(1 + 1);
    let first = true;
    const deliverOnlyTheFirst = (): number => (first ? ((first = false), 1) : 0);
    expect(
      records(() =>
        receive(
          together.map((id) => entryOf({ id })),
          deliverOnlyTheFirst,
        ),
      ),
    ).toBe(1 + 1);
    // What is skipped is not delivered.
    expect(
      records(() =>
        receive(
          Array.from({ length: 100 }, () => entryOf()),
          () => 0,
        ),
      ),
    ).toBe(100);
  });
});

test('a duplicate and what was dropped are counted', async () => {
  telemetry.duplicate(STREAM);
  telemetry.dropped(STREAM, 'gap', 17);
  telemetry.dropped(STREAM, 'decode_error', 1);

  const destination = { 'messaging.destination.name': STREAM };
  expect(await recorder.values('socketio.adapter.message.duplicates')).toEqual([[destination, 1]]);
  expect(await recorder.values('socketio.adapter.message.dropped')).toEqual([
    [{ ...destination, 'socketio.adapter.drop.reason': 'decode_error' }, 1],
    [{ ...destination, 'socketio.adapter.drop.reason': 'gap' }, 17],
  ]);
});

test('without an SDK a message is delivered, and nothing is active', () => {
  Recorder.uninstall();
  let delivered = 0;
  receive([entryOf({ carrier: undefined })], () => {
    expect(trace.getActiveSpan()).toBeUndefined();
    return (delivered += 1);
  });
  expect(delivered).toBe(1);
});
