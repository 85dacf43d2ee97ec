import type { MessageTypeName, PollResult } from '../adapter/telemetry-port.js';
import type { Instruments, Measurement } from './instruments.js';
import type { Total } from './totals.js';

/**
 * What is recorded for each message of a stream, ready to be added to. It is made as it is needed: a process that only
 * emits shows nothing of reading.
 */
export class StreamMetrics {
  readonly #instruments: Instruments;
  readonly #stream: string;
  readonly #sent = new Map<MessageTypeName, Total>();
  readonly #consumed = new Map<MessageTypeName, Total>();
  readonly #processed = new Map<MessageTypeName, Measurement>();
  readonly #polls = new Map<PollResult, Total>();
  #operation: Measurement | undefined;
  #delivery: Measurement | undefined;

  constructor(instruments: Instruments, stream: string) {
    this.#instruments = instruments;
    this.#stream = stream;
  }

  /** A message is in the stream. */
  sent(type: MessageTypeName): void {
    let total = this.#sent.get(type);
    if (!total) {
      total = this.#instruments.total('sent', this.#stream, type, undefined);
      this.#sent.set(type, total);
    }
    total.value += 1;
  }

  /** Messages were read. */
  consumed(type: MessageTypeName, count: number): void {
    let total = this.#consumed.get(type);
    if (!total) {
      total = this.#instruments.total('consumed', this.#stream, type);
      this.#consumed.set(type, total);
    }
    total.value += count;
  }

  polled(result: PollResult): void {
    let total = this.#polls.get(result);
    if (!total) {
      total = this.#instruments.total('polls', this.#stream, result);
      this.#polls.set(result, total);
    }
    total.value += 1;
  }

  /** An XADD took so long. */
  operation(seconds: number): void {
    this.#operation ??= this.#instruments.measurement('operation', this.#stream, undefined);
    this.#operation.record(seconds);
  }

  /** Messages of an entry were decoded and delivered, which took so long. */
  processed(type: MessageTypeName, seconds: number): void {
    let measurement = this.#processed.get(type);
    if (!measurement) {
      measurement = this.#instruments.measurement('process', this.#stream, type, undefined);
      this.#processed.set(type, measurement);
    }
    measurement.record(seconds);
  }

  /** A message was so long on its way. */
  delivery(seconds: number): void {
    this.#delivery ??= this.#instruments.measurement('delivery', this.#stream);
    this.#delivery.record(seconds);
  }
}
