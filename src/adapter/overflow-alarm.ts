import type { EventEmitter } from 'node:events';
import type { EventThrottle } from './event-throttle.js';
import type { RedisStreamsEvents } from './events.js';
import type { StreamWriter } from './stream/stream-writer.js';

/** Tells when an outbox begins to drop messages, once until it is empty again, and counts those that it drops. */
export class OverflowAlarm {
  #raised = false;

  constructor(
    private readonly events: EventEmitter<RedisStreamsEvents>,
    private readonly reports: EventThrottle,
    private readonly outbox: () => Pick<StreamWriter, 'size' | 'drained'>,
  ) {}

  raise(limit: 'outboxMaxLen' | 'outboxMaxBytes'): void {
    this.reports.count(`outbox full (${limit})`);
    if (this.#raised) return;
    this.#raised = true;
    const outbox = this.outbox();
    this.events.emit('outboxOverflow', { waiting: outbox.size, limit });
    void outbox.drained().then(() => (this.#raised = false));
  }
}
