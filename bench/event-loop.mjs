import { setTimeout as delay } from 'node:timers/promises';

/** Every so many milliseconds the event loop is to come by. */
const RESOLUTION = 1;

/**
 * Watches for how long the event loop does not come by; what it returns ends that, and tells.
 *
 * A timer is late by what holds the event loop up, and by up to its own grain: that is no delay, and would add up to a tenth of the time
 * that is watched. However long a turn takes, it is one sample, so that a percentile of the samples (as of `monitorEventLoopDelay`, which
 * also leaves out what comes before its first) does not show the turn that blocks, but how many others there are. Here each counts for as
 * long as it takes: `p99` is what 99 of 100 moments wait at most for the event loop. It still depends on how long is watched, which
 * `heldUp` does not: all delays together.
 */
export function watchEventLoop() {
  const delays = [];
  const start = performance.now();
  let last = start;
  const timer = setInterval(() => {
    const now = performance.now();
    if (now - last >= 2 * RESOLUTION) delays.push(now - last - RESOLUTION);
    last = now;
  }, RESOLUTION);
  return async () => {
    // the turn that ends now is a sample, too
    await delay(2 * RESOLUTION);
    clearInterval(timer);
    delays.sort((a, b) => b - a);
    const heldUp = delays.reduce((a, b) => a + b, 0);
    return { p99: exceededFor(0.01 * (last - start), delays), max: delays[0] ?? 0, heldUp };
  };
}

/** The wait that is exceeded for `budget` milliseconds: in a delay of 10, one of more than 8 is exceeded for 2. */
function exceededFor(budget, longestFirst) {
  let sum = 0;
  for (const [index, one] of longestFirst.entries()) {
    sum += one;
    const wait = (sum - budget) / (index + 1);
    if (wait >= (longestFirst[index + 1] ?? 0)) return wait;
  }
  return 0;
}
