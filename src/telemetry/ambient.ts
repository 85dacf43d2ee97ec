import { context, createContextKey, ROOT_CONTEXT, type Context } from '@opentelemetry/api';

// The key of @opentelemetry/core, which is no dependency; a context key is a `Symbol.for`, so the name is all it takes.
const SUPPRESS_TRACING = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');
const SUPPRESSED_ROOT = ROOT_CONTEXT.setValue(SUPPRESS_TRACING, true);

/** Runs `run` where nothing is active. */
export function runInRoot<T>(run: () => T): T {
  return context.active() === ROOT_CONTEXT ? run() : context.with(ROOT_CONTEXT, run);
}

/** Runs `run` where instrumentations make no spans. */
export function runSuppressed<T>(run: () => T): T {
  const active = context.active();
  return context.with(active === ROOT_CONTEXT ? SUPPRESSED_ROOT : suppressed(active), run);
}

function suppressed(active: Context): Context {
  return active.getValue(SUPPRESS_TRACING) === true ? active : active.setValue(SUPPRESS_TRACING, true);
}
