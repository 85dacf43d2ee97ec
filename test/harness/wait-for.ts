import { waitFor as waitForKit, type WaitOptions } from '../../src/testing/wait-for.js';

export type { WaitOptions };

/** What ends a hang. A machine that runs several test files at once may be slow for seconds. */
export const PATIENCE: WaitOptions = { deadline: 20_000 };

/** That of the testing kit, with more patience. */
export const waitFor: typeof waitForKit = (probe, options) => waitForKit(probe, { ...PATIENCE, ...options });
