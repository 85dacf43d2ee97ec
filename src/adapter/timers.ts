/** Longest time that a timer of Node.js can be set to, in milliseconds; one that is set to more fires at once. */
export const LONGEST_TIMER = 2_147_483_647;

/** Waits, without keeping the process alive for it. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
