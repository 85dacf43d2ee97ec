import type { MessageType } from 'socket.io-adapter';
import { RedisUnavailableError, toError } from '../errors.js';
import type { RedisConnection } from '../redis/driver.js';
import { pause } from '../timers.js';
import type { Sender } from '../wire/message.js';
import { seal, type Bus } from './bus.js';

/** What an answer holds beside the id of the request. */
export interface Answer {
  requestId: string;
  [key: string]: unknown;
}

export interface AnsweringOptions {
  uid: string;
  requestTimeout: number;
}

/** Pause before an answer is sent again that nobody heard, or that could not be sent, in milliseconds; it doubles from one attempt to the next. */
const FIRST_PAUSE = 50;

/** Sends the answers of a node to those that asked. */
export class Answering {
  constructor(
    private readonly bus: Bus,
    private readonly publisher: RedisConnection,
    private readonly options: AnsweringOptions,
    /** Whether a node is in the cluster. */
    private readonly isMember: (uid: string) => boolean,
  ) {}

  /**
   * Sends an answer as it is now; when it cannot be serialised, the node that asked is told so instead. That node may be on its way from
   * one connection to the next, or Redis from one master to the next: an answer that nobody heard, or that may not have been sent, is
   * sent again as long as it is waited for. So it may come in twice.
   */
  async send(to: Sender, type: MessageType, answer: Answer): Promise<void> {
    const { requestTimeout } = this.options;
    const channel = to.foreign ? this.bus.namespaceChannel(to.namespace, to.uid) : this.bus.nodeChannel(to.uid);
    const letter = this.#seal(to.namespace, type, answer);
    const end = performance.now() + requestTimeout;
    for (let wait = FIRST_PAUSE; ; wait *= 2) {
      try {
        if ((await this.#post(channel, letter, end)) !== 0) return;
      } catch {
        // the asking node says which answers it lacks
        if (this.publisher.state === 'closed') return;
      }
      // a node of the peer package would count an acknowledgement that comes in twice
      if (to.foreign || !this.isMember(to.uid) || performance.now() + wait > end) return;
      await pause(wait);
    }
  }

  /** Publishes as soon as that is possible. Does anything but the connection stand in the way, it may have been published. */
  async #post(channel: string, letter: Buffer, end: number): Promise<number | undefined> {
    for (let wait = FIRST_PAUSE; ; wait *= 2) {
      try {
        return await this.bus.post(channel, letter);
      } catch (error) {
        const rest = end - performance.now();
        if (!(error instanceof RedisUnavailableError) || rest <= 0) throw error;
        await this.#connected(Math.ceil(Math.min(wait, rest)));
      }
    }
  }

  /** Waits for the connection, but no longer than `ms`: of a whole cluster, the part that is needed may be back before the others are. */
  async #connected(ms: number): Promise<void> {
    if (this.publisher.state === 'ready') return pause(ms);
    await this.publisher.whenReady(AbortSignal.timeout(ms)).catch(() => undefined);
  }

  #seal(nsp: string, type: MessageType, data: Answer): Buffer {
    const { uid } = this.options;
    try {
      return seal({ uid, nsp, type, data });
    } catch (error) {
      const { requestId } = data;
      return seal({ uid, nsp, type, data: { requestId, sockets: [], error: toError(error).message } });
    }
  }
}
