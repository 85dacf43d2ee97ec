export type { HandlerTelemetry } from './handler.js';
export { AttributeName, DYNAMIC_NAMESPACE, INSTRUMENTATION_SCOPE, MetricName, SpanName } from './names.js';
export type { TelemetryOptions, TelemetrySubject } from './options.js';
export { createTelemetry } from './telemetry.js';
