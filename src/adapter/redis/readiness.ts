import { EventEmitter } from 'node:events';
import { AdapterClosedError, toError } from '../errors.js';
import type { ConnectionState } from '../telemetry-port.js';

/** Whether a connection is ready, and who waits for it. */
export class Readiness {
  #state: ConnectionState = 'connecting';
  readonly #events = new EventEmitter();

  constructor() {
    this.#events.setMaxListeners(0);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  ready(): void {
    if (this.#state === 'ready' || this.#state === 'closed') return;
    this.#state = 'ready';
    this.#events.emit('ready');
  }

  lost(error: Error | undefined): void {
    if (this.#state !== 'ready') return;
    this.#state = 'reconnecting';
    this.#events.emit('lost', error);
  }

  /** Returns `false` when it was closed before. */
  close(): boolean {
    if (this.#state === 'closed') return false;
    this.#state = 'closed';
    this.#events.emit('closed');
    this.#events.removeAllListeners();
    return true;
  }

  on(event: 'ready' | 'lost', listener: (error?: Error) => void): void {
    this.#events.on(event, listener);
  }

  whenReady(signal?: AbortSignal): Promise<void> {
    if (this.#state === 'ready') return Promise.resolve();
    if (this.#state === 'closed') return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      const settle = (done: () => void): void => {
        this.#events.off('ready', onReady).off('closed', onClosed);
        signal?.removeEventListener('abort', onAbort);
        done();
      };
      const onReady = (): void => settle(resolve);
      const onClosed = (): void => settle(() => reject(closedError()));
      const onAbort = (): void => settle(() => reject(toError(signal?.reason)));
      if (signal?.aborted) return reject(toError(signal.reason));
      this.#events.on('ready', onReady).on('closed', onClosed);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}

export function closedError(): AdapterClosedError {
  return new AdapterClosedError('The connection to Redis was closed, because the adapter was.');
}
