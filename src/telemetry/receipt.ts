import { ROOT_CONTEXT, SpanKind, TraceFlags, type Span, type SpanContext } from '@opentelemetry/api';
import type { ReceivedMessage, ReceiveTelemetry } from '../adapter/telemetry-port.js';
import { runInRoot } from './ambient.js';
import { readCarrier } from './carrier.js';
import { errorType } from './error-type.js';
import { AttributeName, SpanName } from './names.js';
import { secondsSince } from './publication.js';
import { commonToAll, redisAttributes } from './redis-attributes.js';
import { linksTo, remoteParent, runIn } from './spans.js';
import type { Toolbox } from './toolbox.js';

const ENTRY_ID = /^(\d+)-\d+$/;

/** The entries of one poll, until the last of them is processed. */
export class Receipt implements ReceiveTelemetry {
  readonly #tools: Toolbox;
  readonly #stream: string;
  readonly #span: Span | undefined;
  #skipped = 0;

  constructor(tools: Toolbox, stream: string, entries: readonly ReceivedMessage[]) {
    this.#tools = tools;
    this.#stream = stream;
    this.#count(entries);
    const sampled = entries.map(creationOf).filter(isSampled);
    if (sampled.length > 0) {
      this.#span = tools.spans.start({
        operation: SpanName.XREAD,
        target: this.#stream,
        kind: SpanKind.CLIENT,
        attributes: {
          ...redisAttributes(tools.sources, stream, SpanName.XREAD, 'receive', commonToAll(entries)),
          [AttributeName.MESSAGING_BATCH_MESSAGE_COUNT]: entries.length,
        },
        parent: ROOT_CONTEXT,
        links: linksTo(sampled),
      });
    }
  }

  process(entry: ReceivedMessage, deliver: () => number | undefined): void {
    const start = performance.now();
    const span = this.#startProcess(entry);
    let delivered: number | undefined;
    let failure: unknown;
    try {
      delivered = span ? runIn(span, ROOT_CONTEXT, deliver) : runInRoot(deliver);
    } catch (error) {
      failure = error ?? null;
      throw error;
    } finally {
      if (span) {
        const attributes = delivered === undefined ? undefined : { [AttributeName.DELIVERED_COUNT]: delivered };
        this.#tools.spans.end(span, attributes, failure);
      }
      this.#measure(entry, start, delivered, failure);
    }
  }

  end(): void {
    if (this.#skipped > 0) {
      this.#tools.metrics.add('skipped', this.#skipped, this.#stream);
    }
    if (this.#span) {
      this.#tools.spans.end(this.#span);
    }
  }

  #count(entries: readonly ReceivedMessage[]): void {
    const counts = new Map<string, number>();
    for (const { type } of entries) {
      counts.set(type, (counts.get(type) ?? 0) + 1);
    }
    for (const [type, count] of counts) {
      this.#tools.metrics.add('consumed', count, this.#stream, type);
    }
  }

  #startProcess(entry: ReceivedMessage): Span | undefined {
    const creation = creationOf(entry);
    if (!creation) {
      return undefined;
    }
    const { sources, spans } = this.#tools;
    const attributes = redisAttributes(sources, this.#stream, SpanName.PROCESS, 'process', entry);
    attributes[AttributeName.NODE_UID] = entry.uid;
    attributes[AttributeName.MESSAGING_MESSAGE_ID] = entry.id;
    return spans.start({
      operation: SpanName.PROCESS,
      target: this.#stream,
      kind: SpanKind.CONSUMER,
      attributes,
      parent: remoteParent(creation),
      links: linksTo(this.#span ? [creation, this.#span.spanContext()] : [creation]),
    });
  }

  #measure(entry: ReceivedMessage, start: number, delivered: number | undefined, failure: unknown): void {
    const { metrics } = this.#tools;
    const kind = failure === undefined ? undefined : errorType(failure);
    metrics.record('process', secondsSince(start), this.#stream, entry.type, kind);
    if (delivered === 0) {
      this.#skipped += 1;
    } else if (failure === undefined) {
      const published = ENTRY_ID.exec(entry.id)?.[1];
      if (published !== undefined) {
        // The clock of Redis may be ahead of ours.
        metrics.record('delivery', Math.max(0, (Date.now() - Number(published)) / 1_000), this.#stream);
      }
    }
  }
}

/** The context in which another node created the message. */
function creationOf({ own, carrier }: ReceivedMessage): SpanContext | undefined {
  return own ? undefined : readCarrier(carrier);
}

function isSampled(creation: SpanContext | undefined): creation is SpanContext {
  return creation !== undefined && (creation.traceFlags & TraceFlags.SAMPLED) !== 0;
}
