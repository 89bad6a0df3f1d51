import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GlfsError } from '../../../src/errors.ts';
import { Fd, Inode, rootContext } from '../../../src/graph/index.ts';
import { type FopName, fopNames } from '../../../src/protocol/fops.ts';
import { newGfid } from '../../../src/protocol/gfid.ts';
import { OpenFlag } from '../../../src/protocol/messages.ts';
import { type Barrier, barrierType } from '../../../src/xlators/features/barrier/index.ts';
import { RecordingChild, translatorOver } from '../../helpers/recording-child.ts';

const context = rootContext();
const inode = new Inode(newGfid(), 'file');
const fd = new Fd(inode, OpenFlag.RDWR);

function setUp(options: Record<string, string> = {}) {
  const child = new RecordingChild();
  const volume = translatorOver(barrierType, [child], options);
  return { child, volume, barrier: volume.translator as unknown as Barrier, lines: volume.lines };
}

type Call = (request: object, context: object) => Promise<unknown>;

/** Makes a call and tells what has come of it so far. */
function call(volume: object, fop: FopName, request: object = {}) {
  const seen = { state: 'waits' };
  void (volume as Record<FopName, Call>)[fop]({ loc: { inode }, fd, flags: 0, ...request }, context).then(
    () => {
      seen.state = 'ok';
    },
    (error: GlfsError) => {
      seen.state = error.code;
    },
  );
  return seen;
}

const held: FopName[] = [
  'rmdir',
  'unlink',
  'rename',
  'removexattr',
  'fremovexattr',
  'truncate',
  'ftruncate',
  'fsync',
];

describe('features/barrier', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const run = () => vi.advanceTimersByTimeAsync(0);

  it.each(held)('%s: executed, and answered when the barrier is taken down', async (fop) => {
    const { child, volume, barrier } = setUp();
    expect(barrier.setBarrier(true)).toBe(true);
    expect(barrier.setBarrier(true)).toBe(false);
    const seen = call(volume, fop);
    await run();
    expect([child.fops, seen.state]).toEqual([[fop], 'waits']);
    expect(barrier.dump()).toMatchObject({ up: true, held: 1 });
    expect(barrier.setBarrier(false)).toBe(true);
    expect(barrier.setBarrier(false)).toBe(false);
    await run();
    expect(seen.state).toBe('ok');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves all other calls alone, but for synchronous writes', async () => {
    const { child, volume, barrier } = setUp();
    for (const fop of fopNames)
      if (!held.includes(fop) && fop !== 'write') expect(volume[fop], fop).toBe(child.subvolume[fop]);
    barrier.setBarrier(true);
    const plain = call(volume, 'write');
    const byFlag = call(volume, 'write', { flags: 0o10000 });
    const byFd = call(volume, 'write', { fd: new Fd(inode, OpenFlag.RDWR | 0o4010000) });
    await run();
    expect([plain, byFlag, byFd].map(({ state }) => state)).toEqual(['ok', 'waits', 'waits']);
  });

  it('holds failures, too', async () => {
    const { child, volume, barrier } = setUp();
    child.answer('unlink', () => {
      throw new GlfsError('ENOENT');
    });
    barrier.setBarrier(true);
    const seen = call(volume, 'unlink');
    await run();
    expect(seen.state).toBe('waits');
    barrier.setBarrier(false);
    await run();
    expect(seen.state).toBe('ENOENT');
  });

  it('is taken down by itself after its time, and says so', async () => {
    const { volume, barrier, lines } = setUp({ barrier: 'on', 'barrier-timeout': '10' });
    const seen = call(volume, 'fsync');
    await vi.advanceTimersByTimeAsync(9_999);
    expect(seen.state).toBe('waits');
    await vi.advanceTimersByTimeAsync(1);
    expect(seen.state).toBe('ok');
    expect(lines.map(({ level }) => level)).toEqual(['error']);
    expect(barrier.dump()).toMatchObject({ up: false });
    barrier.setBarrier(true);
    await vi.advanceTimersByTimeAsync(9_999);
    expect(barrier.dump()).toMatchObject({ up: true });
  });

  it('lets everything go when the graph is closed', async () => {
    const { volume, barrier } = setUp({ barrier: 'on' });
    const seen = call(volume, 'fsync');
    await run();
    await barrier.close();
    await run();
    expect(seen.state).toBe('ok');
    expect(vi.getTimerCount()).toBe(0);
  });
});
