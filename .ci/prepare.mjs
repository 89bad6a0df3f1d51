/*
 * After an install in a checkout: builds what is missing or older than its sources. npm also runs this when `npx glfs` is used in a
 * checkout for the first time, and that shall not take half a minute.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const built = ['index.d.cts', 'index.cjs', 'testing.d.cts', 'testing.cjs', 'testing-brick.js', 'cli.js'].map(
  (name) => `dist/${name}`,
);
const sources = ['package.json', 'tsup.config.ts', 'tsconfig.json'];
const newest = [...sources, ...readdirSync('src', { recursive: true }).map((name) => join('src', name))]
  .map((path) => statSync(path).mtimeMs)
  .reduce((a, b) => Math.max(a, b));
const upToDate = built.every((path) => existsSync(path) && statSync(path).mtimeMs >= newest);
if (!upToDate) {
  console.log('building dist/');
  const { status } = spawnSync('npm run --silent build -- --silent', { stdio: 'inherit', shell: true });
  process.exitCode = status ?? 1;
}
