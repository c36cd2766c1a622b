import { defineConfig } from 'vitest/config';

// One file at a time: each looks at the whole host for what it left behind.
export default defineConfig({
  test: {
    include: ['e2e/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
