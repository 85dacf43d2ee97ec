import type { EventEmitter } from 'node:events';
import type { RedisStreamsEvents } from './events.js';
import { retentionOf, type StreamInfo } from './stream/stream-info.js';

/** Tells when a stream reaches back less far than a client may be away, once until it reaches back twice as far. */
export class RetentionWatch {
  readonly #short = new Set<string>();

  constructor(
    private readonly events: EventEmitter<RedisStreamsEvents>,
    /** `undefined` where nobody recovers. */
    private readonly maxDisconnectionDuration: number | undefined,
  ) {}

  check(stream: string, info: StreamInfo): void {
    const needed = this.maxDisconnectionDuration;
    // a stream of which nothing was trimmed is as old as it is
    if (needed === undefined || info.entriesAdded === undefined || info.entriesAdded <= info.length) return;
    const retention = retentionOf(info);
    if (retention >= 2 * needed) this.#short.delete(stream);
    if (retention >= needed || this.#short.has(stream)) return;
    this.#short.add(stream);
    this.events.emit('retentionTooShort', { stream, retention, maxDisconnectionDuration: needed });
  }
}
