import { defineConfig } from 'vitest/config';

/** Tiers: unit (no server, no root), interop (real glusterd and bricks; root on Debian). */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/interop/**'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          globalSetup: ['test/helpers/interop-setup.ts'],
        },
      },
    ],
  },
});
