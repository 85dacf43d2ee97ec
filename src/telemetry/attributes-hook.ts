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
    return this.#hook ? { ...this.#ask({ signal, name, attributes }), ...attributes } : attributes;
  }

  #ask(subject: TelemetrySubject): Attributes {
    try {
      return this.#hook?.(subject) ?? NONE;
    } catch (error) {
      // Once: a hook that throws does so for every message.
      if (!this.#failed) {
        this.#failed = true;
        diag.error(`${INSTRUMENTATION_SCOPE}: the option "attributes" threw; its attributes are left out.`, error);
      }
      return NONE;
    }
  }
}
