import { defineConfig } from 'vitest/config';

// Processes, sockets and a real Redis take their time on a small machine: a deadline is there to end a hang, not to measure.
const deadlines = { testTimeout: 60_000, hookTimeout: 60_000, teardownTimeout: 20_000 };

export default defineConfig({
  test: {
    pool: 'forks',
    // Much of the time goes into waiting for what is to happen: one more than the two CPUs of a small machine.
    maxWorkers: 3,
    retry: 0,
    allowOnly: false,
    ...deadlines,
    projects: [
      { extends: true, test: { name: 'unit', include: ['src/**/*.spec.ts'] } },
      {
        extends: true,
        test: { name: 'e2e', include: ['test/**/*.test.ts'], globalSetup: 'test/harness/bundle-node.ts' },
      },
    ],
    coverage: { provider: 'v8', include: ['src/**/*.ts'], exclude: ['src/**/*.spec.ts'] },
  },
});
