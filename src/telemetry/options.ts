import type { Attributes, MeterProvider, TracerProvider } from '@opentelemetry/api';

/** Options of `createTelemetry`. Every one has a default. */
export interface TelemetryOptions {
  /** Makes the spans. Default: the global one, also when it is set later. */
  tracerProvider?: TracerProvider;
  /** Makes the metrics. Default: the global one, also when it is set or replaced later. */
  meterProvider?: MeterProvider;
  /** Make a span for each heartbeat that is sent. Default `true`. */
  heartbeatSpans?: boolean;
  /**
   * Keep instrumentations of the Redis client from making spans of the adapter's own commands: each idle XREAD would be a
   * trace of its own. Default `true`.
   */
  suppressRedisSpans?: boolean;
  /**
   * More attributes. Called for each span, and once for each combination of a metric's attributes; its answer for a metric
   * is kept. Attributes of the package itself are never replaced. What it throws is ignored. Default: none.
   */
  attributes?: (subject: TelemetrySubject) => Attributes;
}

/** What `TelemetryOptions.attributes` is asked about. */
export interface TelemetrySubject {
  /** Which of the two it is. */
  signal: 'span' | 'metric';
  /** Name of the span or metric. */
  name: string;
  /** The attributes that it has already. */
  attributes: Readonly<Attributes>;
}
