import { toError } from '../errors.js';
import { reconnectDelay, type RedisConnection } from '../redis/driver.js';
import { pause } from '../timers.js';

/** Asks Redis until it has answered, or `signal` is aborted. What is asked must do no harm when it is done twice. */
export async function insist<T>(connection: RedisConnection, ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let failures = 0; ; failures++) {
    await connection.whenReady(signal);
    signal.throwIfAborted();
    try {
      return await ask();
    } catch (error) {
      if (connection.state === 'closed' || signal.aborted) throw toError(error);
      if (connection.state === 'ready') await pause(reconnectDelay(failures));
    }
  }
}
