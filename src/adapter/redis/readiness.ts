import { EventEmitter } from 'node:events';
import { AdapterClosedError, toError } from '../errors.js';
import type { ConnectionState } from '../telemetry-port.js';

interface Waiter {
  resolve(): void;
  reject(error: Error): void;
}

/** Whether a connection is ready, and who waits for it. */
export class Readiness {
  #state: ConnectionState = 'connecting';
  readonly #events = new EventEmitter();
  /** Those who wait, of whom there may be as many as sessions that are to be saved: each of them has to be found at once. */
  readonly #waiting = new Set<Waiter>();

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
    this.#settle((waiter) => waiter.resolve());
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
    this.#events.removeAllListeners();
    this.#settle((waiter) => waiter.reject(closedError()));
    return true;
  }

  on(event: 'ready' | 'lost', listener: (error?: Error) => void): void {
    this.#events.on(event, listener);
  }

  whenReady(signal?: AbortSignal): Promise<void> {
    if (this.#state === 'ready') return Promise.resolve();
    if (this.#state === 'closed') return Promise.reject(closedError());
    if (signal?.aborted) return Promise.reject(toError(signal.reason));
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(waiter);
        reject(toError(signal?.reason));
      };
      const waiter: Waiter = {
        resolve: () => (signal?.removeEventListener('abort', onAbort), resolve()),
        reject: (error) => (signal?.removeEventListener('abort', onAbort), reject(error)),
      };
      this.#waiting.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #settle(how: (waiter: Waiter) => void): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    waiting.forEach(how);
  }
}

export function closedError(): AdapterClosedError {
  return new AdapterClosedError('The connection to Redis was closed, because the adapter was.');
}
