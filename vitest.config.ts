import { defineConfig } from 'vitest/config';

// Two cores, real processes and mounts: files run in their own forks, and time-outs are generous because a
// timed test proves nothing about speed (hack/bench does).
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'addon/**/*.test.ts', 'e2e/**/*.test.ts', 'proto/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // A test that asserts nothing cannot fail.
    expect: { requireAssertions: true },
  },
});
