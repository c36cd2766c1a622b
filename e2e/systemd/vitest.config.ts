import { defineConfig } from 'vitest/config';

// Inside of the virtual machine, which e2e/systemd/machine.test.ts boots. Everything is slow in there.
export default defineConfig({
  test: {
    include: ['e2e/systemd/*.guest.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 900_000,
    hookTimeout: 600_000,
  },
});
