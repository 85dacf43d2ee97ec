/** One span, as the page draws it. */
export interface DrawnSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  name: string;
  kind: string;
  node: string;
  /** Milliseconds since 1970. */
  start: number;
  /** Milliseconds. */
  duration: number;
  failed: boolean;
  attributes: Record<string, string>;
}

const MAX_TRACES = 100;
const MAX_SPANS_OF_A_TRACE = 200;

/** The last traces, in memory. */
export class RecentTraces {
  private readonly traces = new Map<string, DrawnSpan[]>();

  add(spans: readonly DrawnSpan[]): void {
    for (const span of spans) {
      const trace = this.traces.get(span.traceId) ?? [];
      if (trace.length < MAX_SPANS_OF_A_TRACE) {
        trace.push(span);
      }
      // Set again, so that the trace that was added to last is the last to be forgotten.
      this.traces.delete(span.traceId);
      this.traces.set(span.traceId, trace);
    }
    for (const oldest of [...this.traces.keys()].slice(0, -MAX_TRACES)) {
      this.traces.delete(oldest);
    }
  }

  /** Newest first. */
  list(): DrawnSpan[][] {
    return [...this.traces.values()].reverse();
  }
}
