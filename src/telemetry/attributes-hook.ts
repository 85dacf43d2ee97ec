import { diag, type Attributes } from '@opentelemetry/api';
import { INSTRUMENTATION_SCOPE } from './names.js';
import type { TelemetryOptions, TelemetrySubject } from './options.js';

const NONE: Attributes = {};

/** Adds what `TelemetryOptions.attributes` answers to the attributes of one span or of one combination of a metric. */
export class AttributesHook {
  readonly #hook: TelemetryOptions['attributes'];
  #failed = false;

  constructor(hook: TelemetryOptions['attributes']) {
    this.#hook = hook;
  }

  apply(signal: TelemetrySubject['signal'], name: string, attributes: Attributes): Attributes {
    return this.#hook ? { ...this.#usable(this.#ask({ signal, name, attributes })), ...attributes } : attributes;
  }

  #ask(subject: TelemetrySubject): Attributes {
    try {
      return this.#hook?.(subject) ?? NONE;
    } catch (error) {
      this.#tell('threw; its attributes are left out', error);
      return NONE;
    }
  }

  /** Without what is no value of an attribute: an SDK may leave it out, or throw. */
  #usable(attributes: Attributes): Attributes {
    const entries = Object.entries(attributes);
    const usable = entries.filter(([, value]) => isAttributeValue(value));
    if (usable.length === entries.length) {
      return attributes;
    }
    this.#tell('returned something that is no value of an attribute, which is left out', undefined);
    return Object.fromEntries(usable);
  }

  /** Once: a hook that fails does so for every message. */
  #tell(what: string, error: unknown): void {
    if (!this.#failed) {
      this.#failed = true;
      diag.error(`${INSTRUMENTATION_SCOPE}: the option "attributes" ${what}.`, error);
    }
  }
}

/** See https://opentelemetry.io/docs/specs/otel/common/#attribute */
function isAttributeValue(value: unknown): boolean {
  return Array.isArray(value) ? value.every(isPrimitive) : isPrimitive(value);
}

function isPrimitive(value: unknown): boolean {
  return value == null || ['string', 'number', 'boolean'].includes(typeof value);
}
