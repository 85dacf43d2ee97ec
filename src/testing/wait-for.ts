import { setTimeout as sleep } from 'node:timers/promises';

/** How to wait. */
export interface WaitOptions {
  /** How long the condition may take to come true, in milliseconds. Default 5_000. */
  deadline?: number;
  /** Time between two looks, in milliseconds. Default 5. */
  interval?: number;
  /** What is waited for, for the error; a function is asked when the deadline has passed. */
  what?: string | (() => string);
}

type Falsy = false | 0 | '' | null | undefined;

/**
 * Looks again and again until `probe` answers something truthy, and resolves with that. A probe that throws counts as a no,
 * so assertions may be used as probes.
 *
 * @throws once the deadline has passed, with what was waited for and the last error of the probe.
 */
export async function waitFor<T>(
  probe: () => T | Promise<T>,
  { deadline = 5_000, interval = 5, what = 'the condition' }: WaitOptions = {},
): Promise<Exclude<T, Falsy>> {
  const end = performance.now() + deadline;
  for (;;) {
    let failure: unknown;
    try {
      const answer = await probe();
      if (answer) {
        return answer as Exclude<T, Falsy>;
      }
    } catch (error) {
      failure = error;
    }
    if (performance.now() > end) {
      const subject = typeof what === 'function' ? what() : what;
      throw new Error(`Waited ${deadline} ms in vain for ${subject}.${failure ? ` ${messageOf(failure)}` : ''}`, {
        cause: failure,
      });
    }
    await sleep(interval);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
