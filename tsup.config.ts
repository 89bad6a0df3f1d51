import { defineConfig, type Options } from 'tsup';

const common: Options = { target: 'node20', platform: 'node', outDir: 'dist' };

/** `npm run build` empties dist/ first: the builds run side by side. */
export default defineConfig([
  { ...common, entry: { index: 'src/index.ts', cli: 'src/cli/main.ts' }, format: 'esm', splitting: true },
  {
    ...common,
    entry: { index: 'src/index.ts' },
    format: 'cjs',
    // import.meta.url, by which the addon is found
    shims: true,
    // ES modules only, which Node before 20.19 cannot require
    noExternal: ['p-retry', 'is-network-error'],
  },
  { ...common, entry: { index: 'src/index.ts' }, format: ['esm', 'cjs'], dts: { only: true } },
]);
