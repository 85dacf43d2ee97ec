import { withDeadline } from '../deadline.js';
import { toError } from '../errors.js';
import { reconnectDelay, type RedisConnection } from '../redis/driver.js';
import { pause } from '../timers.js';

/**
 * Asks Redis until it has answered, `signal` is aborted, or the error is one that `isFinal` says will not pass. What is asked must do no
 * harm when it is done twice. It is asked for the first time also while Redis is away, as it may not need Redis after all.
 *
 * An attempt that is under way is waited for also when `signal` is aborted, as it may have to put something in order: a Redis that says
 * nothing is for `ask` to give up.
 */
export async function insist<T>(
  connection: RedisConnection,
  ask: () => Promise<T>,
  signal: AbortSignal,
  isFinal: (error: unknown) => boolean = () => false,
): Promise<T> {
  for (let failures = 0; ; failures++) {
    signal.throwIfAborted();
    try {
      return await ask();
    } catch (error) {
      if (connection.state === 'closed' || signal.aborted || isFinal(error)) throw toError(error);
      if (connection.state === 'ready') await withDeadline(pause(reconnectDelay(failures)), signal);
    }
    await connection.whenReady(signal);
  }
}
