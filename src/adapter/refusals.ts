import type { EventEmitter } from 'node:events';
import { EventThrottle } from './event-throttle.js';
import type { RedisStreamsEvents } from './events.js';

export type RefusedCommand = RedisStreamsEvents['commandRefused'][0]['command'];

/** Tells why Redis refuses commands: of each of them, and each reason, at once, and then once a minute at most. */
export class Refusals {
  readonly #throttles: Record<RefusedCommand, EventThrottle>;

  constructor(events: EventEmitter<RedisStreamsEvents>) {
    const throttle = (command: RefusedCommand): EventThrottle =>
      new EventThrottle((reason, count) => events.emit('commandRefused', { command, reason, count }));
    this.#throttles = {
      XADD: throttle('XADD'),
      XREAD: throttle('XREAD'),
      XINFO: throttle('XINFO'),
      PUBLISH: throttle('PUBLISH'),
      SPUBLISH: throttle('SPUBLISH'),
    };
  }

  count(command: RefusedCommand, reason: string): void {
    this.#throttles[command].count(reason);
  }

  /** See {@link EventThrottle.close}. */
  close(): void {
    for (const throttle of Object.values(this.#throttles)) throttle.close();
  }
}
