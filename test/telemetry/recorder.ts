import { context, metrics, SpanKind, SpanStatusCode, trace, type Attributes } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import type { Resource } from '@opentelemetry/resources';
import {
  MeterProvider,
  MetricReader,
  type DataPoint,
  type Histogram,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
  type Sampler,
  type SamplingDecision,
} from '@opentelemetry/sdk-trace-base';

class PullReader extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }

  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

/** A sampler that decides always the same, and notes the names of the spans that it was asked about. */
export function notingSampler(decision: SamplingDecision): { sampler: Sampler; asked: string[] } {
  const asked: string[] = [];
  const shouldSample: Sampler['shouldSample'] = (_context, _traceId, name) => {
    asked.push(name);
    return { decision };
  };
  return { sampler: { shouldSample }, asked };
}

/** A whole SDK that keeps what is exported. Nothing is global until `install` is called. */
export class Recorder {
  readonly #exporter = new InMemorySpanExporter();
  readonly #reader = new PullReader();
  readonly tracerProvider: BasicTracerProvider;
  readonly meterProvider: MeterProvider;

  constructor(sampler?: Sampler, resource?: Resource) {
    this.tracerProvider = new BasicTracerProvider({
      spanProcessors: [new SimpleSpanProcessor(this.#exporter)],
      ...(sampler && { sampler }),
      ...(resource && { resource }),
    });
    this.meterProvider = new MeterProvider({ readers: [this.#reader], ...(resource && { resource }) });
  }

  /** Makes this the SDK of the process. */
  install(): this {
    Recorder.uninstall();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(this.tracerProvider);
    metrics.setGlobalMeterProvider(this.meterProvider);
    return this;
  }

  static uninstall(): void {
    context.disable();
    trace.disable();
    metrics.disable();
  }

  /** The spans that have ended, in that order. */
  get spans(): ReadableSpan[] {
    return this.#exporter.getFinishedSpans();
  }

  /** The one span of that name that has ended. */
  span(name: string): ReadableSpan {
    const found = this.spans.filter((span) => span.name === name);
    if (found.length !== 1 || !found[0]) {
      throw new Error(`${found.length} spans "${name}", in: ${this.spans.map((span) => span.name).join(', ')}`);
    }
    return found[0];
  }

  /** The metrics as an exporter gets them. */
  async resourceMetrics(): Promise<ResourceMetrics> {
    const { resourceMetrics, errors } = await this.#reader.collect();
    if (errors.length > 0) {
      throw new AggregateError(errors, 'Metrics could not be collected.');
    }
    return resourceMetrics;
  }

  async metrics(): Promise<MetricData[]> {
    return (await this.resourceMetrics()).scopeMetrics.flatMap((scope) => scope.metrics);
  }

  async metric(name: string): Promise<MetricData | undefined> {
    return (await this.metrics()).find(({ descriptor }) => descriptor.name === name);
  }

  /** Attributes and value of each point of a counter or gauge that is not 0. */
  async values(name: string): Promise<Array<[Attributes, number]>> {
    const points = ((await this.metric(name))?.dataPoints ?? []) as DataPoint<number>[];
    return points.filter(({ value }) => value !== 0).map(({ attributes, value }) => [attributes, value]);
  }

  /** Attributes, count and sum of each point of a histogram. */
  async histogram(name: string): Promise<Array<{ attributes: Attributes; count: number; sum: number }>> {
    const points = ((await this.metric(name))?.dataPoints ?? []) as DataPoint<Histogram>[];
    return points.map(({ attributes, value }) => ({ attributes, count: value.count, sum: value.sum ?? 0 }));
  }

  /** Everything that was exported, as text. */
  async dump(): Promise<string> {
    const spans = this.spans.map(({ name, attributes, links, events, status }) => ({
      name,
      attributes,
      links,
      events,
      status,
    }));
    return JSON.stringify([spans, await this.metrics()]);
  }
}

/** A span as the contract words it: what is compared is this, whole. */
export function outline(span: ReadableSpan): {
  name: string;
  kind: string;
  attributes: Attributes;
  parent: string | undefined;
  links: string[];
  error: boolean;
} {
  return {
    name: span.name,
    kind: SpanKind[span.kind],
    attributes: span.attributes,
    parent: span.parentSpanContext?.spanId,
    links: span.links.map((link) => link.context.spanId),
    error: span.status.code === SpanStatusCode.ERROR,
  };
}
