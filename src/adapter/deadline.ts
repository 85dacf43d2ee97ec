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

/**
 * A signal that is aborted after `ms` milliseconds, or when `parent` is. To be cleared when nobody waits any more.
 *
 * Not `AbortSignal.any()`: Node.js 20 collects a timeout that is only part of one as garbage, and it never comes.
 */
export function deadlineSignal(
  ms: number,
  message: string,
  parent?: AbortSignal,
): { signal: AbortSignal; clear(): void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DOMException(message, 'TimeoutError')), ms).unref();
  const onAbort = (): void => controller.abort(parent!.reason);
  if (parent?.aborted) onAbort();
  else parent?.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    clear: () => {
      clearTimeout(timer);
      parent?.removeEventListener('abort', onAbort);
    },
  };
}
