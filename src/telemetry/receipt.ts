import { context, ROOT_CONTEXT, SpanKind, type Span, type SpanContext } from '@opentelemetry/api';
import type { MessageTypeName, ReceivedMessage, ReceiveTelemetry } from '../adapter/telemetry-port.js';
import { isSampled, mayBeSampled, readCarrier } from './carrier.js';
import { errorType } from './error-type.js';
import { AttributeName, SpanName } from './names.js';
import { commonToAll, redisAttributes } from './redis-attributes.js';
import { secondsSince } from './seconds-since.js';
import { linksTo, remoteParent, runIn } from './spans.js';
import type { StreamMetrics } from './stream-metrics.js';
import type { Toolbox } from './toolbox.js';

/** Messages that are handed on together, until the last of them is processed. */
export class Receipt implements ReceiveTelemetry {
  readonly #tools: Toolbox;
  readonly #stream: string;
  readonly #span: Span | undefined;
  /** `undefined` where there is no SDK. */
  readonly #metrics: StreamMetrics | undefined;
  /** What is handed on in one turn is handed on in one context. */
  readonly #inRoot = context.active() === ROOT_CONTEXT;
  #skipped = 0;
  /** Of the messages that are measured together, as they are of one type and follow each other in an entry. */
  #type: MessageTypeName | undefined;
  /** When the first of them began: to look at the clock for each costs more than most take. */
  #start: number | undefined;
  /** A message of the entry that is being processed was delivered. */
  #arrived = false;

  constructor(tools: Toolbox, stream: string, entries: readonly ReceivedMessage[]) {
    this.#tools = tools;
    this.#stream = stream;
    this.#metrics = tools.metrics.stream(stream);
    if (this.#metrics) {
      count(entries, this.#metrics);
    }
    const sampled = sampledOf(entries);
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
    if (this.#metrics) this.#begin(entry);
    let delivered: number | undefined;
    let failure: unknown;
    try {
      delivered = this.#deliver(entry, deliver);
    } catch (error) {
      failure = error ?? null;
      throw error;
    } finally {
      if (this.#metrics) this.#measure(entry, delivered, failure);
    }
  }

  end(): void {
    this.#recordProcess();
    if (this.#skipped > 0) {
      this.#tools.metrics.add('skipped', this.#skipped, this.#stream);
    }
    if (this.#span) {
      this.#tools.spans.end(this.#span);
    }
  }

  #deliver(entry: ReceivedMessage, deliver: () => number | undefined): number | undefined {
    const creation = entry.own ? undefined : readCarrier(entry.carrier);
    if (!creation) {
      return this.#inRoot ? deliver() : context.with(ROOT_CONTEXT, deliver);
    }
    // Samplers do as the parent does, so no span is asked for, but what the delivery does has to know of its parent.
    if (!isSampled(creation)) {
      return context.with(remoteParent(creation), deliver);
    }
    const span = this.#startProcess(entry, creation);
    let delivered: number | undefined;
    let failure: unknown;
    try {
      delivered = runIn(span, ROOT_CONTEXT, deliver);
      return delivered;
    } catch (error) {
      failure = error ?? null;
      throw error;
    } finally {
      const attributes = delivered === undefined ? undefined : { [AttributeName.DELIVERED_COUNT]: delivered };
      this.#tools.spans.end(span, attributes, failure);
    }
  }

  #startProcess(entry: ReceivedMessage, creation: SpanContext): Span {
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

  #begin({ type }: ReceivedMessage): void {
    if (this.#type !== undefined && this.#type !== type) this.#recordProcess();
    this.#start ??= performance.now();
  }

  #measure(entry: ReceivedMessage, delivered: number | undefined, failure: unknown): void {
    // what this node did when it published is not done again
    const done = entry.own && delivered === undefined && failure === undefined;
    if (failure !== undefined) this.#recordFailure(entry, failure);
    else if (!done) {
      this.#type = entry.type;
      if (delivered === 0) this.#skipped += 1;
      else this.#arrived = true;
    }
    if (!endsEntry(entry.id)) return;
    this.#recordProcess();
    if (!this.#arrived) return;
    this.#arrived = false;
    // An entry id is the time of Redis in milliseconds, a dash and a number; the clock of Redis may be ahead of ours.
    const published = parseInt(entry.id, 10);
    if (!Number.isNaN(published)) this.#metrics?.delivery(Math.max(0, (Date.now() - published) / 1_000));
  }

  /** By itself; its time is that since the first of those before it. */
  #recordFailure({ type }: ReceivedMessage, failure: unknown): void {
    const seconds = secondsSince(this.#start!);
    this.#recordProcess();
    this.#tools.metrics.record('process', seconds, this.#stream, type, errorType(failure));
  }

  // Once for what follows each other in an entry: a record of the SDK costs more than most messages take.
  #recordProcess(): void {
    if (this.#type !== undefined) this.#metrics?.processed(this.#type, secondsSince(this.#start!));
    this.#type = undefined;
    this.#start = undefined;
  }
}

/** Whether no other message follows in the entry. */
function endsEntry(id: string): boolean {
  return !id.includes('.');
}

/** Adds the entries up, with one addition for those of a type that follow each other. */
function count(entries: readonly ReceivedMessage[], metrics: StreamMetrics): void {
  let type: MessageTypeName | undefined;
  let sum = 0;
  for (const entry of entries) {
    if (entry.type !== type) {
      if (type !== undefined) {
        metrics.consumed(type, sum);
      }
      type = entry.type;
      sum = 0;
    }
    sum += 1;
  }
  if (type !== undefined) {
    metrics.consumed(type, sum);
  }
}

/** The contexts in which other nodes created the entries, of those that are sampled. */
function sampledOf(entries: readonly ReceivedMessage[]): SpanContext[] {
  const contexts: SpanContext[] = [];
  for (const { own, carrier } of entries) {
    // The flags alone are read first: most are not sampled.
    if (!own && carrier && mayBeSampled(carrier)) {
      const creation = readCarrier(carrier);
      if (creation && isSampled(creation)) {
        contexts.push(creation);
      }
    }
  }
  return contexts;
}
