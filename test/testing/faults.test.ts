import { describe, expect, test } from 'vitest';
import type { FopName } from '../../src/protocol/fops.ts';
import { FaultSchedule } from '../../src/testing/faults/schedule.ts';
import type { FaultRule } from '../../src/testing/types.ts';

/** Which of `count` calls a rule acts on, from 1. */
function actsOn(schedule: FaultSchedule, count: number, fop: FopName = 'write'): number[] {
  return Array.from({ length: count }, (_, index) => index + 1).filter(
    () => schedule.verdict(fop) !== undefined,
  );
}

describe('the schedule of faults', () => {
  test.each<[Partial<FaultRule>, number[]]>([
    [{}, [1]],
    [{ nth: 1 }, [1]],
    [{ nth: 3 }, [3]],
    [{ nth: 3, times: 2 }, [3, 4]],
    [{ times: 2 }, [1, 2]],
    [{ nth: 4, times: Number.POSITIVE_INFINITY }, [4, 5, 6, 7, 8]],
    [{ probability: 0 }, []],
    [{ probability: 1 }, [1, 2, 3, 4, 5, 6, 7, 8]],
    [{ probability: 1, times: 3 }, [1, 2, 3]],
  ])('%j acts on the calls %j', (rule, acted) => {
    const schedule = new FaultSchedule(1);
    const id = schedule.add({ ...rule, fop: 'write', action: 'fail' });
    expect(actsOn(schedule, 8)).toEqual(acted);
    expect(schedule.acted(id)).toBe(acted.length);
  });

  test('counts only the fops that a rule is about, from when it was added', () => {
    const schedule = new FaultSchedule(1);
    schedule.verdict('write');
    schedule.add({ fop: ['write', 'fsync'], nth: 3, action: 'fail', errno: 'EROFS' });
    expect(schedule.verdict('read')).toBeUndefined();
    expect(schedule.verdict('write')).toBeUndefined();
    expect(schedule.verdict('lookup')).toBeUndefined();
    expect(schedule.verdict('fsync')).toBeUndefined();
    expect(schedule.verdict('write')).toMatchObject({ action: 'fail', errno: 'EROFS' });
    expect(schedule.verdict('write')).toBeUndefined();
  });

  test('a rule without fops is about all of them', () => {
    const schedule = new FaultSchedule(1);
    schedule.add({ action: 'delay', milliseconds: 5, times: 2 });
    expect(schedule.verdict('lookup')).toMatchObject({ action: 'delay', milliseconds: 5 });
    expect(schedule.verdict('inodelk')).toMatchObject({ action: 'delay' });
    expect(schedule.verdict('write')).toBeUndefined();
  });

  test('the same seed gives the same choice, another one another', () => {
    const run = (seed: number): number[] => {
      const schedule = new FaultSchedule(seed);
      schedule.add({ fop: 'write', probability: 0.3, action: 'fail' });
      return actsOn(schedule, 200);
    };
    expect(run(7)).toEqual(run(7));
    expect(run(7)).not.toEqual(run(8));
    expect(run(7).length).toBeGreaterThan(30);
    expect(run(7).length).toBeLessThan(90);
  });

  test('calls of other kinds and other rules change nothing for a rule', () => {
    const alone = new FaultSchedule(5);
    alone.add({ fop: 'read', probability: 0.5, action: 'hang' });
    const among = new FaultSchedule(5);
    among.add({ fop: 'read', probability: 0.5, action: 'hang' });
    among.add({ fop: 'write', probability: 0.5, action: 'fail' });
    const reads: boolean[] = [];
    for (let call = 0; call < 100; call++) {
      reads.push(among.verdict('read') !== undefined);
      if (call % 3 === 0) among.verdict('write');
    }
    expect(reads).toEqual(Array.from({ length: 100 }, () => alone.verdict('read') !== undefined));
  });

  test('the rule that was added first goes before the others, which count the call all the same', () => {
    const schedule = new FaultSchedule(1);
    const first = schedule.add({ fop: 'write', nth: 2, action: 'fail', errno: 'EIO' });
    const second = schedule.add({ nth: 2, times: 2, action: 'fail', errno: 'ENOENT' });
    expect(schedule.verdict('write')).toBeUndefined();
    expect(schedule.verdict('write')).toMatchObject({ errno: 'EIO' });
    expect(schedule.verdict('write')).toMatchObject({ errno: 'ENOENT' });
    expect(schedule.verdict('write')).toBeUndefined();
    expect([schedule.acted(first), schedule.acted(second)]).toEqual([1, 1]);
  });

  test('a rule that was taken away acts no more, and still tells how often it did', () => {
    const schedule = new FaultSchedule(1);
    const id = schedule.add({ action: 'fail', times: Number.POSITIVE_INFINITY });
    actsOn(schedule, 3);
    schedule.remove(id);
    expect(actsOn(schedule, 3)).toEqual([]);
    expect(schedule.acted(id)).toBe(3);
    schedule.add({ action: 'fail', times: Number.POSITIVE_INFINITY });
    schedule.clear();
    expect(actsOn(schedule, 3)).toEqual([]);
  });

  test('a full disk refuses what needs space, and nothing else', () => {
    const schedule = new FaultSchedule(1);
    schedule.fill(true);
    for (const fop of ['write', 'create', 'mkdir', 'fallocate', 'setxattr', 'copyFileRange'] as const)
      expect(schedule.verdict(fop), fop).toMatchObject({ action: 'fail', errno: 'ENOSPC' });
    for (const fop of ['read', 'unlink', 'lookup', 'flush', 'inodelk', 'removexattr'] as const)
      expect(schedule.verdict(fop), fop).toBeUndefined();
    schedule.fill(false);
    expect(schedule.verdict('write')).toBeUndefined();
  });

  test.each<[object | null | undefined, RegExp]>([
    [{ action: 'explode' }, /one of fail/],
    [{ action: 'fail', fop: 'wriet' }, /no fop 'wriet'/],
    [{ action: 'fail', nth: 0 }, /nth/],
    [{ action: 'fail', nth: 1.5 }, /nth/],
    [{ action: 'fail', times: 0 }, /times/],
    [{ action: 'fail', probability: 2 }, /probability/],
    [{ action: 'fail', probability: 0.5, nth: 2 }, /either/],
    [{ action: 'fail', errno: 'EWHAT' }, /no errno/],
    [{ action: 'delay' }, /needs milliseconds/],
    [{ action: 'delay', milliseconds: -1 }, /duration/],
    [{ action: 'delay', milliseconds: '5' }, /duration/],
    [{ action: 'fail', fop: 'readv' }, /there is no fop 'readv'; there are lookup, .*, ipc$/],
    [{ action: 'fail', fop: [] }, /at least one/],
    [{ action: 'fail', error: 'EIO' }, /there is no 'error'; there are fop, .*errno/],
    [undefined, /an object/],
    [null, /an object/],
  ])('%j is refused', (rule, reason) => {
    const schedule = new FaultSchedule(1);
    expect(() => schedule.add(rule as FaultRule)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(() => schedule.add(rule as FaultRule)).toThrow(reason);
  });
});
