import { context, ROOT_CONTEXT, SpanKind, trace, type Attributes } from '@opentelemetry/api';
import type {
  OperationTelemetry,
  PublishTelemetry,
  RequestTelemetry,
  RequestType,
  RestoreTelemetry,
  TelemetryPort,
} from '../adapter/telemetry-port.js';
import { runInRoot, runSuppressed } from './ambient.js';
import { AttributesHook } from './attributes-hook.js';
import { readCarrier, writeCarrier } from './carrier.js';
import { refusalOf } from './check-options.js';
import { errorType } from './error-type.js';
import { follow, handle, type HandlerTelemetry } from './handler.js';
import { Metrics } from './metrics.js';
import { AttributeName as A, SpanName } from './names.js';
import type { TelemetryOptions } from './options.js';
import { Publication } from './publication.js';
import { Receipt } from './receipt.js';
import { commonToAll, redisAttributes } from './redis-attributes.js';
import { secondsSince } from './seconds-since.js';
import { Sources } from './sources.js';
import { linksTo, remoteParent, runIn, Spans, type SpanStart } from './spans.js';
import type { Toolbox } from './toolbox.js';

class OpenTelemetryTelemetry implements TelemetryPort, HandlerTelemetry {
  readonly #tools: Toolbox;
  readonly #heartbeatSpans: boolean;
  readonly #suppressRedisSpans: boolean;

  constructor(options: TelemetryOptions) {
    const hook = new AttributesHook(options.attributes);
    const sources = new Sources();
    this.#tools = {
      sources,
      spans: new Spans(options.tracerProvider, hook),
      metrics: new Metrics(options.meterProvider, hook, sources),
    };
    this.#heartbeatSpans = options.heartbeatSpans ?? true;
    this.#suppressRedisSpans = options.suppressRedisSpans ?? true;
  }

  observe: TelemetryPort['observe'] = (source) => {
    const { sources, metrics } = this.#tools;
    sources.add(source);
    metrics.start(source);
    return () => {
      sources.delete(source);
      metrics.stop(source);
    };
  };

  publish: TelemetryPort['publish'] = (message) => new Publication(this.#tools, message);

  write: TelemetryPort['write'] = (stream, waited) => {
    const { sources, metrics } = this.#tools;
    // A process that only emits has neither polls nor heartbeats that look after the metrics.
    metrics.refresh();
    const measure: Measure = (seconds, kind) =>
      kind === undefined
        ? metrics.stream(stream)?.operation(seconds)
        : metrics.record('operation', seconds, stream, kind);
    if (waited === undefined) {
      return measured(measure);
    }
    const own = waited.filter(isPublication);
    return this.#operation(
      {
        operation: SpanName.XADD,
        target: stream,
        kind: SpanKind.CLIENT,
        attributes: {
          ...redisAttributes(sources, stream, SpanName.XADD, 'send', commonToAll(own.map(({ message }) => message))),
          [A.MESSAGING_BATCH_MESSAGE_COUNT]: waited.length,
        },
        parent: ROOT_CONTEXT,
        links: linksTo(own.map(({ spanContext }) => spanContext)),
      },
      measure,
    );
  };

  poll: TelemetryPort['poll'] = (stream, result) => {
    const { metrics } = this.#tools;
    metrics.refresh();
    metrics.stream(stream)?.polled(result);
  };

  receive: TelemetryPort['receive'] = (stream, entries) => new Receipt(this.#tools, stream, entries);

  dropped: TelemetryPort['dropped'] = (stream, reason, count) =>
    this.#tools.metrics.add('dropped', count, stream, reason);

  duplicate: TelemetryPort['duplicate'] = (stream) => this.#tools.metrics.add('duplicates', 1, stream);

  request = (namespace: string, type: RequestType): RequestTelemetry => {
    const { spans, metrics } = this.#tools;
    const start = performance.now();
    const parent = context.active();
    const span = spans.start({
      operation: SpanName.REQUEST,
      target: type,
      kind: SpanKind.INTERNAL,
      attributes: { [A.NAMESPACE]: namespace, [A.REQUEST_TYPE]: type },
      parent,
    });
    return {
      run: (send) => runIn(span, parent, send),
      end: (expected, received, error) => {
        spans.end(span, { [A.REQUEST_EXPECTED_RESPONSES]: expected, [A.REQUEST_RECEIVED_RESPONSES]: received }, error);
        metrics.record('request', secondsSince(start), type, error === undefined ? undefined : errorType(error));
        if (received < expected) {
          metrics.add('missingResponses', expected - received, type);
        }
      },
    };
  };

  heartbeatSent: TelemetryPort['heartbeatSent'] = (destination) => {
    const { metrics, sources } = this.#tools;
    metrics.refresh();
    const count = (_seconds: number, kind: string | undefined): void => metrics.add('heartbeats', 1, 'sent', kind);
    if (!this.#heartbeatSpans) {
      return measured(count);
    }
    return this.#operation(
      {
        operation: SpanName.HEARTBEAT,
        target: destination,
        kind: SpanKind.CLIENT,
        attributes: redisAttributes(sources, destination, SpanName.HEARTBEAT, 'send', { type: 'heartbeat' }),
        parent: ROOT_CONTEXT,
      },
      count,
    );
  };

  heartbeatReceived: TelemetryPort['heartbeatReceived'] = (gapMs) => {
    const { metrics } = this.#tools;
    metrics.add('heartbeats', 1, 'received', undefined);
    if (gapMs !== undefined) {
      metrics.record('heartbeatGap', gapMs / 1_000);
    }
  };

  transition: TelemetryPort['transition'] = (kind, uid, clusterSize) => {
    const { metrics, spans } = this.#tools;
    const span = spans.start({
      operation: SpanName.CLUSTER_TRANSITION,
      target: kind,
      kind: SpanKind.INTERNAL,
      attributes: { [A.CLUSTER_TRANSITION]: kind, [A.NODE_UID]: uid, [A.CLUSTER_SIZE]: clusterSize },
      parent: ROOT_CONTEXT,
    });
    spans.end(span);
    metrics.add('transitions', 1, kind);
  };

  reconnect: TelemetryPort['reconnect'] = (role) =>
    this.#operation(
      {
        operation: SpanName.REDIS_RECONNECT,
        target: role,
        kind: SpanKind.INTERNAL,
        attributes: { [A.REDIS_ROLE]: role },
        parent: ROOT_CONTEXT,
      },
      (_seconds, kind) => {
        if (kind === undefined) {
          this.#tools.metrics.add('reconnections', 1, role);
        }
      },
    );

  persistSession: TelemetryPort['persistSession'] = (namespace) => {
    const name = this.#tools.sources.namespace(namespace);
    return this.#operation(
      {
        operation: SpanName.PERSIST_SESSION,
        target: name,
        kind: SpanKind.INTERNAL,
        attributes: { [A.NAMESPACE]: namespace },
      },
      (seconds, kind) => this.#tools.metrics.record('persist', seconds, name, kind),
    );
  };

  restoreSession = (namespace: string): RestoreTelemetry => {
    const { metrics, sources, spans } = this.#tools;
    const start = performance.now();
    const name = sources.namespace(namespace);
    const parent = context.active();
    const span = spans.start({
      operation: SpanName.RESTORE_SESSION,
      target: name,
      kind: SpanKind.INTERNAL,
      attributes: { [A.NAMESPACE]: namespace },
      parent,
    });
    return {
      run: (attempt) => runIn(span, parent, attempt),
      end: ({ outcome, source, missedPackets, scannedEntries, error }) => {
        const attributes: Attributes = {
          [A.SESSION_OUTCOME]: outcome,
          [A.SESSION_MISSED_PACKETS]: missedPackets,
          [A.SESSION_SCANNED_ENTRIES]: scannedEntries,
        };
        if (source !== undefined) {
          attributes[A.SESSION_SOURCE] = source;
        }
        spans.end(span, attributes, error);
        const kind = error === undefined ? undefined : errorType(error);
        metrics.record('restore', secondsSince(start), name, outcome, source, kind);
        metrics.add('restores', 1, name, outcome, source);
        if (outcome === 'restored') {
          metrics.record('missedPackets', missedPackets, name, source);
        }
      },
    };
  };

  carry: TelemetryPort['carry'] = () => {
    const active = trace.getSpanContext(context.active());
    return active && writeCarrier(active);
  };

  within: TelemetryPort['within'] = (carrier, run) => {
    const asking = readCarrier(carrier);
    return asking ? context.with(remoteParent(asking), run) : runInRoot(run);
  };

  suppress: TelemetryPort['suppress'] = (run) => (this.#suppressRedisSpans ? runSuppressed(run) : run());

  background: TelemetryPort['background'] = (run) => runInRoot(run);

  handle: HandlerTelemetry['handle'] = (namespace, event, run) => handle(this.#tools, namespace, event, run);

  follow: HandlerTelemetry['follow'] = follow;

  /** A span for something that begins now and is measured when it ends. */
  #operation(start: SpanStart, measure: Measure): OperationTelemetry {
    const { spans } = this.#tools;
    const span = spans.start(start);
    return measured((seconds, kind, error) => {
      spans.end(span, undefined, error);
      measure(seconds, kind);
    });
  }
}

type Measure = (seconds: number, errorKind: string | undefined, error?: unknown) => void;

function measured(measure: Measure): OperationTelemetry {
  const start = performance.now();
  return {
    end: (error) => measure(secondsSince(start), error === undefined ? undefined : errorType(error), error),
  };
}

function isPublication(publication: PublishTelemetry): publication is Publication {
  return publication instanceof Publication;
}

/**
 * Spans and metrics of the adapter, through OpenTelemetry's API: the application sets up the SDK, before or after, and
 * without one nothing is recorded. What it returns never throws.
 *
 * @throws {TypeError} naming the option that cannot work, and what is allowed.
 */
export function createTelemetry(options: TelemetryOptions = {}): TelemetryPort & HandlerTelemetry {
  const refusal = refusalOf(options);
  if (refusal) {
    throw new TypeError(refusal.message);
  }
  return new OpenTelemetryTelemetry(options);
}
