import { setTimeout as sleep } from 'node:timers/promises';

/** Asks `condition` every `interval` milliseconds until it answers `true`; resolves with `false` if it has not within `deadline` milliseconds. */
export async function poll(
  condition: () => Promise<boolean> | boolean,
  deadline: number,
  interval = 20,
): Promise<boolean> {
  const end = performance.now() + deadline;
  while (!(await condition())) {
    if (performance.now() > end) {
      return false;
    }
    await sleep(interval);
  }
  return true;
}
