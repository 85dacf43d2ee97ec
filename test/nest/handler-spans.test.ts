import { Catch, UseFilters, type ArgumentsHost } from '@nestjs/common';
import { BaseWsExceptionFilter, WebSocketGateway } from '@nestjs/websockets';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startRedis, waitFor } from '../harness/index.js';
import { FailingGateway } from '../telemetry/failing-gateway.js';
import { Recorder } from '../telemetry/recorder.js';
import { ChatGateway, NewsGateway, startApp } from './fixtures/index.js';

let recorder: Recorder;

/** As the documentation has it. */
@Catch()
class TracedExceptions extends BaseWsExceptionFilter {
  override catch(exception: unknown, host: ArgumentsHost): void {
    const span = trace.getActiveSpan();
    span?.setAttribute('error.type', exception instanceof Error ? exception.name : '_OTHER');
    span?.setStatus({ code: SpanStatusCode.ERROR });
    // oxlint-disable-next-line promise/valid-params -- it is a filter's, not a promise's
    super.catch(exception, host);
  }
}

@UseFilters(TracedExceptions)
@WebSocketGateway()
class TracedGateway extends FailingGateway {}

beforeEach(() => {
  recorder = new Recorder().install();
});

afterEach(() => {
  Recorder.uninstall();
});

describe('the handler of a gateway', () => {
  it('is a span of the trace that goes on in the other node', async () => {
    const redis = await startRedis();
    const options = { url: redis.url };
    const gateways = [NewsGateway];
    const [a, b] = [await startApp({ options, gateways }), await startApp({ options, gateways })];
    const near = await a.client({ namespace: '/news' });
    const far = await b.client({ namespace: '/news' });
    near.socket.emit('say', 'hello');
    await far.next('said');
    // Node B may have read it before node A hears that it is written.
    for (const ended of ['process socket.io', 'xadd socket.io']) {
      await waitFor(() => recorder.spans.some(({ name }) => name === ended), { what: `the span ${ended}` });
    }

    const handler = recorder.span('process /news');
    const publication = recorder.span('xadd socket.io');
    const delivery = recorder.span('process socket.io');
    expect(handler.kind).toBe(SpanKind.CONSUMER);
    expect(publication.parentSpanContext?.spanId).toBe(handler.spanContext().spanId);
    expect(delivery.parentSpanContext?.spanId).toBe(publication.spanContext().spanId);
    expect(new Set([handler, publication, delivery].map((span) => span.spanContext().traceId)).size).toBe(1);
  });

  it('is the parent of what Nest emits of its answer, which goes over the stream where sessions are recovered', async () => {
    const redis = await startRedis();
    const app = await startApp({ options: { url: redis.url, serverOptions: { connectionStateRecovery: {} } } });
    const client = await app.client();
    client.socket.emit('echo', 'hello');
    await client.next('echo');
    await waitFor(() => recorder.spans.some(({ name }) => name === 'xadd socket.io'), {
      what: 'the span of the answer',
    });

    const handler = recorder.span('process /');
    expect(recorder.span('xadd socket.io').parentSpanContext?.spanId).toBe(handler.spanContext().spanId);
  });

  it('ends its span when its promise has settled, and answers as it does without', async () => {
    const redis = await startRedis();
    const app = await startApp({ options: { url: redis.url } });
    const client = await app.client();
    expect(await client.socket.emitWithAck('join', 'room')).toBe('room');
    expect(recorder.span('process /').attributes).toMatchObject({ 'socketio.namespace': '/' });
  });

  it.each(['throws', 'rejects', 'observes'])('has its span told by an exception filter when it %s', async (event) => {
    const redis = await startRedis();
    const app = await startApp({ options: { url: redis.url }, gateways: [TracedGateway] });
    app.nest.get(TracedGateway).failure = new RangeError('of the user');
    const client = await app.client();
    client.socket.emit(event, 'text');
    await client.next('exception');
    await waitFor(() => recorder.spans.some(({ name }) => name === 'process /'), { what: 'the span of the handler' });

    const handler = recorder.span('process /');
    expect(handler.status.code).toBe(SpanStatusCode.ERROR);
    expect(handler.attributes).toMatchObject({ 'socketio.event.name': event, 'error.type': 'RangeError' });
  });

  it('is no span with `telemetry: false`, nor is anything else', async () => {
    const redis = await startRedis();
    const app = await startApp({ options: { url: redis.url, telemetry: false }, gateways: [ChatGateway] });
    const client = await app.client();
    client.socket.emit('say', 'hello');
    await client.next('said');
    await app.nest.close();
    expect(recorder.spans).toEqual([]);
  });

  it('is recorded where the option `telemetry` says', async () => {
    const redis = await startRedis();
    const own = new Recorder();
    const app = await startApp({ options: { url: redis.url, telemetry: { tracerProvider: own.tracerProvider } } });
    const client = await app.client();
    client.socket.emit('say', 'hello');
    await client.next('said');
    await waitFor(() => own.span('process /'));
    expect(recorder.spans).toEqual([]);
  });
});
