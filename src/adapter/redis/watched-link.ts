import type { TelemetryPort } from '../telemetry-port.js';
import { LONGEST_TIMER } from '../timers.js';
import type { ChannelListener, RedisArgument } from './driver.js';
import type { Link, OpenLink } from './link.js';

/** How long Redis may say nothing at all while it owes a reply, beyond the time that a command may block, in milliseconds. */
const PATIENCE = 10_000;

/** In so many looks, so that a process which was busy, or asleep, for as long as that reads what has come in before it takes Redis for silent. */
const LOOKS = 2;

/**
 * Makes links that are lost when Redis owes them a reply and says nothing. A connection that died without a word would be waited for
 * without end otherwise, by whoever has sent something on it. Replies come in the order of the commands, so that each of them is a sign of
 * life to all who wait: a slow Redis with a long way to go is no silent one.
 */
export function watched(open: OpenLink, telemetry: Pick<TelemetryPort, 'background'>): OpenLink {
  return async (onLost, signal) => new WatchedLink(await open(onLost, signal), onLost, telemetry);
}

class WatchedLink implements Link {
  /** Replies that are owed. */
  #owed = 0;
  /** Looks since Redis was last heard, or since there is something to be heard. */
  #looks = 0;
  /** How long the most patient of those who wait would wait. */
  #patience = 0;
  /** One for all commands, as they are many. It runs out by itself once nothing is owed. */
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly link: Link,
    private readonly onSilence: (error: Error) => void,
    private readonly telemetry: Pick<TelemetryPort, 'background'>,
  ) {}

  get address(): string | undefined {
    return this.link.address;
  }

  send(args: readonly RedisArgument[]): Promise<unknown> {
    return this.#watch(this.link.send(args), blockTimeOf(args));
  }

  sendForBuffers(args: readonly RedisArgument[]): Promise<unknown> {
    return this.#watch(this.link.sendForBuffers(args), blockTimeOf(args));
  }

  subscribe(channel: string, listener: ChannelListener): Promise<void> {
    return this.#watch(this.link.subscribe(channel, listener), 0);
  }

  unsubscribe(channel: string): Promise<void> {
    return this.#watch(this.link.unsubscribe(channel), 0);
  }

  destroy(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.link.destroy();
  }

  #watch<T>(reply: Promise<T>, blockTime: number): Promise<T> {
    const patience = Math.min(PATIENCE + blockTime, LONGEST_TIMER);
    if (this.#owed === 0 || patience > this.#patience) this.#begin(patience);
    this.#owed++;
    reply.then(this.#onReply, this.#onReply);
    return reply;
  }

  #begin(patience: number): void {
    this.#looks = 0;
    if (this.#timer && patience === this.#patience) {
      this.#timer.refresh();
      return;
    }
    clearTimeout(this.#timer);
    this.#patience = patience;
    this.#timer = this.telemetry.background(() => setTimeout(this.#look, patience / LOOKS).unref());
  }

  readonly #onReply = (): void => {
    this.#owed--;
    this.#looks = 0;
    if (this.#owed > 0) this.#timer?.refresh();
  };

  readonly #look = (): void => {
    if (this.#owed === 0) return;
    this.#looks++;
    if (this.#looks < LOOKS) this.#timer?.refresh();
    else this.onSilence(new Error(`Redis has answered nothing for ${this.#patience} ms.`));
  };
}

/** For how long Redis may hold back the reply, in milliseconds. See https://redis.io/docs/latest/commands/xread/ */
function blockTimeOf(args: readonly RedisArgument[]): number {
  if (args[0] !== 'XREAD') return 0;
  const block = args.indexOf('BLOCK');
  // 0 is for ever
  return block === -1 ? 0 : Number(args[block + 1]) || Number.POSITIVE_INFINITY;
}
