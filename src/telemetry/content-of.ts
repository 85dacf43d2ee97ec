import type { Attributes } from '@opentelemetry/api';

/** The same text for attributes of the same content, whoever put them together. */
export function contentOf(attributes: Attributes): string {
  return JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
}
