import { expect } from 'vitest';
import type { TestBrick } from '../../src/testing/index.ts';
import { marksOnDisk } from './replicate-story/marks.ts';
import { waitUntil } from './wait.ts';

/**
 * What bricks hold against each other below a directory, by path, a brick's place first: `0: client-1 0 0 1` (data, metadata,
 * entry). Counters of zero, and files without any other, are left out.
 */
export function blamesOf(bricks: readonly TestBrick[], directory: string): Record<string, string[]> {
  const blames: Record<string, string[]> = {};
  for (const { index, directory: brick } of bricks) {
    for (const [path, marks] of Object.entries(marksOnDisk(brick, directory))) {
      const counters = marks
        .split(', ')
        .filter((mark) => / \d+ \d+ \d+$/.test(mark) && !mark.endsWith(' 0 0 0'));
      if (counters.length === 0 || path.startsWith('.glusterfs/')) continue;
      blames[path] = [...(blames[path] ?? []), `${index}: ${counters.join(', ')}`];
    }
  }
  return blames;
}

/** What copies hold against one, each the same. */
export function heldBy(
  indices: readonly number[],
  marks: Readonly<Record<string, string>>,
  against: string,
): Record<string, string[]> {
  const all = (counters: string): string[] => indices.map((index) => `${index}: ${against} ${counters}`);
  return Object.fromEntries(Object.entries(marks).map(([path, counters]) => [path, all(counters)]));
}

/** Callers have their answer before the last marks are set: waits for them as long as they differ. */
export async function expectBlames(
  bricks: readonly TestBrick[],
  directory: string,
  expected: Record<string, string[]>,
): Promise<void> {
  const said = (blames: Record<string, string[]>): string => JSON.stringify(Object.entries(blames).sort());
  await waitUntil(() => said(blamesOf(bricks, directory)) === said(expected), {
    what: 'the marks',
    timeoutMs: 2000,
    everyMs: 5,
  }).catch(() => {});
  expect(blamesOf(bricks, directory)).toEqual(expected);
}
