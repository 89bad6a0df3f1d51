import { describe, expect, test } from 'vitest';
import { brickCount, customLayout, isArbiter, parseVolumeType } from '../../src/testing/volume-type.ts';

describe('types of volumes', () => {
  test.each([
    ['distribute 3', { kind: 'distribute', size: 1, sets: 3, arbiters: 0, redundancy: 0 }, 3],
    ['Distribute  1 ', { kind: 'distribute', size: 1, sets: 1, arbiters: 0, redundancy: 0 }, 1],
    ['replicate 3', { kind: 'replicate', size: 3, sets: 1, arbiters: 0, redundancy: 0 }, 3],
    ['replica 2', { kind: 'replicate', size: 2, sets: 1, arbiters: 0, redundancy: 0 }, 2],
    ['replicate 3 x 2', { kind: 'replicate', size: 3, sets: 2, arbiters: 0, redundancy: 0 }, 6],
    ['replicate 3 arbiter 1', { kind: 'replicate', size: 3, sets: 1, arbiters: 1, redundancy: 0 }, 3],
    ['replicate 3 arbiter 1 x 2', { kind: 'replicate', size: 3, sets: 2, arbiters: 1, redundancy: 0 }, 6],
    ['disperse 4+2', { kind: 'disperse', size: 6, sets: 1, arbiters: 0, redundancy: 2 }, 6],
    ['disperse 2 + 1 x 3', { kind: 'disperse', size: 3, sets: 3, arbiters: 0, redundancy: 1 }, 9],
    ['stripe 2', { kind: 'stripe', size: 2, sets: 1, arbiters: 0, redundancy: 0 }, 2],
    ['stripe 4 x 3', { kind: 'stripe', size: 4, sets: 3, arbiters: 0, redundancy: 0 }, 12],
    ['disperse 16+4', { kind: 'disperse', size: 20, sets: 1, arbiters: 0, redundancy: 4 }, 20],
  ])('%s', (text, layout, bricks) => {
    expect(parseVolumeType(text)).toEqual(layout);
    expect(brickCount(parseVolumeType(text))).toBe(bricks);
  });

  test.each([
    ['', /'distribute 3'/],
    ['mirror 3', /'replicate 3'/],
    ['distribute', /'distribute 3'/],
    ['distribute 0', /at least 1/],
    ['distribute 2 x 2', /'distribute N'/],
    ['distribute -1', /is expected/],
    ['replicate 1', /at least 2 bricks/],
    ['replicate 3 x 0', /at least 1/],
    ['replicate 2 arbiter 1', /'replicate 3 arbiter 1'/],
    ['replicate 3 arbiter 2', /'replicate 3 arbiter 1'/],
    ['disperse 4', /'disperse 4\+2'/],
    ['disperse 4+0', /at least 1/],
    ['disperse 2+2', /more data bricks/],
    ['disperse 17+2', /at most 16/],
    ['stripe 1', /at least 2 stripes/],
    ['distribute 1000', /at most 128/],
    ['disperse 4+2 x 100', /at most 128/],
  ])("'%s' is refused with what would be right", (text, right) => {
    expect(() => parseVolumeType(text)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(() => parseVolumeType(text)).toThrow(right);
  });

  test('the last brick of each set is the arbiter', () => {
    const layout = parseVolumeType('replicate 3 arbiter 1 x 2');
    expect([0, 1, 2, 3, 4, 5].filter((index) => isArbiter(layout, index))).toEqual([2, 5]);
    const full = parseVolumeType('replicate 3 x 2');
    expect([0, 1, 2, 3, 4, 5].filter((index) => isArbiter(full, index))).toEqual([]);
  });

  test('a volfile of the user says how many bricks it wants', () => {
    expect(customLayout(4)).toMatchObject({ kind: 'custom', sets: 4 });
    for (const bricks of [0, 1.5, 129, Number.NaN])
      expect(() => customLayout(bricks)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });
});
