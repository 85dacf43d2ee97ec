import { toError } from './errors.js';

/** The result of `work`, or a rejection with the signal's reason once `deadline` is aborted. */
export async function withDeadline<T>(work: Promise<T>, deadline: AbortSignal): Promise<T> {
  let abort: (() => void) | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    abort = () => reject(toError(deadline.reason));
    if (deadline.aborted) abort();
    else deadline.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    if (abort) deadline.removeEventListener('abort', abort);
    work.catch(() => undefined);
  }
}
