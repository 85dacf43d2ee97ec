import type { Metrics } from './metrics.js';
import type { Sources } from './sources.js';
import type { Spans } from './spans.js';

/** What every part of the telemetry works with. */
export interface Toolbox {
  readonly spans: Spans;
  readonly metrics: Metrics;
  readonly sources: Sources;
}
