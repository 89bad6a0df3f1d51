import { describe, expect, test } from 'vitest';
import { allCases } from './cases/index.ts';
import { differences } from './differences.ts';

describe('the cases and the table of differences', () => {
  test('there are hundreds of cases, each with a name of its own', () => {
    const names = allCases.map(({ name }) => name);
    expect(names.length).toBeGreaterThan(400);
    expect(new Set(names).size).toBe(names.length);
  });

  test('what is listed is a case, once for each stack', () => {
    const names = new Set(allCases.map(({ name }) => name));
    expect(differences.filter(({ name }) => !names.has(name))).toEqual([]);
    const pairs = differences.flatMap(({ name, on }) => on.map((one) => `${name} on ${one}`));
    expect(new Set(pairs).size).toBe(pairs.length);
  });

  test('the kernel is the oracle: it differs from nothing', () => {
    expect(differences.filter(({ on }) => on.includes('kernel'))).toEqual([]);
  });

  /** On which ours alone differ, since no real one is run in that manner. */
  const ours = ['client and server, version 3.3', 'posix, sidecar store, without the addon'];
  /** A row on these alone is GlusterFS's own by itself. */
  const theirs = ['FUSE mount'];

  test('what differs on our stacks differs on real bricks', () => {
    const real = new Set(
      differences
        .filter(({ on }) => on.some((one) => ['glusterd', 'glusterfs', 'volume'].includes(one)))
        .map(({ name }) => name),
    );
    const alone = differences.filter(
      ({ name, on }) => !real.has(name) && !on.every((one) => [...ours, ...theirs].includes(one)),
    );
    expect(alone).toEqual([]);
    for (const { reason, shows } of differences) {
      expect(reason.length).toBeGreaterThan(20);
      expect(shows).not.toBe('');
    }
  });
});
