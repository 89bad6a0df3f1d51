import { describe, expect, it } from 'vitest';
import { isGlfsError } from '../../../src/errors.ts';
import { Fd, Inode, type OptionSchema, rootContext, type TranslatorType } from '../../../src/graph/index.ts';
import { fopNames } from '../../../src/protocol/fops.ts';
import { newGfid } from '../../../src/protocol/gfid.ts';
import { delayGenType } from '../../../src/xlators/debug/delay-gen/index.ts';
import { errorGenType } from '../../../src/xlators/debug/error-gen/index.ts';
import { RecordingChild, translatorOver } from '../../helpers/recording-child.ts';

const context = rootContext();
const fd = new Fd(new Inode(newGfid(), 'file'), 2);

function setUp<S extends OptionSchema>(type: TranslatorType<S>, options: Record<string, string>) {
  const child = new RecordingChild();
  const volume = translatorOver(type, [child], options);
  return { child, volume, dump: () => volume.translator.dump() };
}

/** Which of `count` flushes fail, as a string of 0 and 1. */
async function failures(options: Record<string, string>, count = 400): Promise<string> {
  const { child, volume } = setUp(errorGenType, options);
  let pattern = '';
  for (let call = 0; call < count; call++) {
    pattern += await volume.flush({ fd }, context).then(
      () => '0',
      () => '1',
    );
  }
  expect(child.calls.length, 'a call that fails has done nothing').toBe(pattern.replaceAll('1', '').length);
  return pattern;
}

function share(pattern: string): number {
  return pattern.replaceAll('0', '').length / pattern.length;
}

describe('debug/error-gen', () => {
  it('fails the share of calls that it is told to', async () => {
    expect(share(await failures({ failure: '25%', seed: '1' }))).toBeCloseTo(0.25, 1);
    expect(share(await failures({ failure: '100' }))).toBe(1);
    expect(share(await failures({}))).toBe(0);
  });

  it('fails the same calls for the same seed', async () => {
    const first = await failures({ failure: '30', seed: '7' });
    expect(await failures({ failure: '30', seed: '7' })).toBe(first);
    expect(await failures({ failure: '30', seed: '8' })).not.toBe(first);
  });

  it('tells the seed that it chose itself, so that a run can be repeated', async () => {
    const { volume, dump } = setUp(errorGenType, { failure: '50' });
    const pattern: boolean[] = [];
    for (let call = 0; call < 64; call++) {
      pattern.push(
        await volume.flush({ fd }, context).then(
          () => false,
          () => true,
        ),
      );
    }
    const { seed } = dump() as { seed: number };
    const again = await failures({ failure: '50', seed: String(seed) }, 64);
    expect(again).toBe(pattern.map(Number).join(''));
  });

  it('fails with the errno that is set, or with one that the call can have', async () => {
    const set = setUp(errorGenType, { failure: '100', 'error-no': 'ENOSPC' });
    await expect(set.volume.flush({ fd }, context)).rejects.toMatchObject({
      code: 'ENOSPC',
      fop: 'flush',
      translator: 'subject',
    });
    const { volume } = setUp(errorGenType, { failure: '100', seed: '1' });
    for (let call = 0; call < 100; call++) {
      const error = await volume.fstat({ fd }, context).catch((thrown: unknown) => thrown);
      expect(isGlfsError(error) && !isGlfsError(error, 'ENOSPC', 'EROFS', 'EDQUOT')).toBe(true);
    }
  });

  it('warns of an errno that it does not know', async () => {
    const { volume } = setUp(errorGenType, { failure: '100', 'error-no': 'GF_ERROR_SHORT_WRITE' });
    expect(volume.lines).toEqual([expect.objectContaining({ level: 'warn' })]);
    await expect(volume.flush({ fd }, context)).rejects.toMatchObject({ code: 'EAGAIN' });
  });

  it('touches only what is enabled, and never a release', () => {
    const enabled = setUp(errorGenType, { failure: '100', 'error-fops': 'WRITE,FSYNC' });
    const touched = fopNames.filter((fop) => enabled.volume[fop] !== enabled.child.subvolume[fop]);
    expect(touched.sort()).toEqual(['fsync', 'write']);
    const all = setUp(errorGenType, { failure: '100' });
    const untouched = fopNames.filter((fop) => all.volume[fop] === all.child.subvolume[fop]);
    expect(untouched.sort()).toEqual(['release', 'releasedir']);
  });

  it('with random-failure lets between 2 and 43 calls pass between two failures', async () => {
    const pattern = await failures({ 'random-failure': 'on', seed: '3' }, 2000);
    const gaps = pattern
      .split('1')
      .map(({ length }) => length)
      .slice(0, -1);
    expect(gaps.length).toBeGreaterThan(40);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(43);
  });

  it.each(['101%', '-1', 'many', '5x'])('refuses a share of %s', (failure) => {
    expect(() => setUp(errorGenType, { failure })).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });
});

describe('debug/delay-gen', () => {
  it('delays a call, and lets it do its work then', async () => {
    const { child, volume, dump } = setUp(delayGenType, {
      'delay-percentage': '100%',
      'delay-duration': '20000',
      enable: 'FLUSH',
    });
    const start = performance.now();
    const flushed = volume.flush({ fd }, context);
    expect(child.calls).toEqual([]);
    await flushed;
    expect(performance.now() - start).toBeGreaterThan(18);
    expect(child.fops).toEqual(['flush']);
    expect(volume.fsync).toBe(child.subvolume.fsync);
    expect(dump()).toMatchObject({ delayed: 1, passed: 0 });
  });

  it('delays a tenth of all calls by default, repeatably by seed', async () => {
    const count = async (seed: string): Promise<unknown> => {
      const { volume, dump } = setUp(delayGenType, { 'delay-duration': '1', seed });
      await Promise.all(Array.from({ length: 300 }, () => volume.flush({ fd }, context)));
      return dump();
    };
    const first = (await count('5')) as { delayed: number };
    expect(first.delayed).toBeGreaterThan(10);
    expect(first.delayed).toBeLessThan(60);
    expect(await count('5')).toEqual(first);
  });

  it("ends the caller's wait at its abort and at its deadline, and sends nothing then", async () => {
    const { child, volume } = setUp(delayGenType, {
      'delay-percentage': '100',
      'delay-duration': '60000000',
    });
    const controller = new AbortController();
    const aborted = volume.flush({ fd }, rootContext({ signal: controller.signal }));
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'ECANCELED' });
    const late = volume.flush({ fd }, rootContext({ deadline: performance.now() + 5 }));
    await expect(late).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    expect(child.calls).toEqual([]);
  });
});
