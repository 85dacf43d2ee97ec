import { waitFor as waitForKit, type WaitOptions } from '../../src/testing/wait-for.js';

export type { WaitOptions };

/** What ends a hang. A machine that runs several test files at once may be slow for seconds. */
export const PATIENCE = { deadline: 20_000 };

/** For what is known to fail: it need not be waited for. */
export async function withLittlePatience<T>(body: () => Promise<T>): Promise<T> {
  const { deadline } = PATIENCE;
  PATIENCE.deadline = 2_000;
  try {
    return await body();
  } finally {
    PATIENCE.deadline = deadline;
  }
}

/** That of the testing kit, with more patience. */
export const waitFor: typeof waitForKit = (probe, options) => waitForKit(probe, { ...PATIENCE, ...options });
