import { defineConfig, type Options } from 'tsup';

const common: Options = { target: 'node20', platform: 'node', outDir: 'dist' };

const library = { index: 'src/index.ts', testing: 'src/testing/index.ts' };

/** `npm run build` empties dist/ first: the builds run side by side. */
export default defineConfig([
  {
    ...common,
    entry: {
      ...library,
      cli: 'src/cli/main.ts',
      // The process of one brick, which brick-worker.ts starts.
      'testing-brick': 'src/testing/brick-entry.ts',
    },
    format: 'esm',
    splitting: true,
  },
  {
    ...common,
    entry: library,
    format: 'cjs',
    // One copy of what both entries share: errors of one are errors of the other.
    splitting: true,
    // import.meta.url, by which the addon is found
    shims: true,
    // ES modules only, which Node before 20.19 cannot require
    noExternal: ['p-retry', 'is-network-error'],
  },
  { ...common, entry: library, format: ['esm', 'cjs'], dts: { only: true } },
]);
