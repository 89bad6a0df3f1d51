import { expect, test } from 'vitest';
import { translatorTypes } from '../../src/index.ts';
import { allCases } from './cases/index.ts';
import { alone, excerpt, notAlone } from './stacks/alone.ts';
import { local } from './stacks/graphs.ts';
import { conformance } from './suite.ts';

test('every translator is run by itself, or it is said why it is not', () => {
  const run = alone.map(({ type }) => type);
  expect(new Set(run).size).toBe(run.length);
  const told = [...run, ...Object.keys(notAlone)].sort();
  expect(told).toEqual(translatorTypes().map(({ type }) => type));
});

test('a stack of one translator has that one, and nothing but storage/posix below it', () => {
  for (const { type, shape } of alone) {
    const { brick = [], cluster, top = [], bricks = 1 } = shape;
    const types = [...brick, ...(cluster ? [cluster] : []), ...top].map((layer) =>
      typeof layer === 'string' ? layer : layer[0],
    );
    expect({ types, bricks }).toEqual({ types: [type], bricks: 1 });
  }
});

test('an excerpt has cases of every group but the large ones', () => {
  const groups = (names: readonly { name: string }[]) => new Set(names.map(({ name }) => name.split(':')[0]));
  const expected = groups(allCases);
  expected.delete('large');
  expect(groups(excerpt(allCases))).toEqual(expected);
  expect(excerpt(allCases).length).toBeLessThan(allCases.length / 4);
  expect(excerpt(allCases, ['locks']).length).toBeGreaterThan(excerpt(allCases).length);
});

for (const { shape, takes } of alone) conformance(local(shape), takes?.(allCases));

conformance(
  local({
    name: 'layers that are idle',
    brick: [
      'performance/io-threads',
      'features/namespace',
      'features/selinux',
      ['features/read-only', { 'read-only': 'off' }],
      ['debug/delay-gen', { 'delay-percentage': '0' }],
      ['debug/error-gen', { failure: '0' }],
      'meta',
    ],
    small: true,
  }),
);
