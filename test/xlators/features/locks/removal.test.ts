import { describe, expect, it } from 'vitest';
import { GlfsError } from '../../../../src/errors.ts';
import { Inode } from '../../../../src/graph/index.ts';
import { emptyIatt } from '../../../../src/protocol/iatt.ts';
import { type Caller, contextOf, LockBrick, newClient, settled, watch } from '../../../helpers/lock-brick.ts';
import { fileStat } from '../../../helpers/recording-child.ts';

const one = newClient('one');
const two = newClient('two');
const three = newClient('three');
const a: Caller = { client: one, owner: 1 };
const b: Caller = { client: two, owner: 2 };
const c: Caller = { client: three, owner: 3 };

function setUp() {
  const brick = new LockBrick();
  const loc = { inode: new Inode(), parent: brick.directory, name: 'f' };
  brick.child.answer('lookup', () => ({ stat: fileStat(brick.inode.gfid), postparent: emptyIatt() }));
  const unlink = (caller: Caller) => watch(brick.top.unlink({ loc, xflags: 0 }, contextOf(caller)));
  const rename = (caller: Caller) =>
    watch(brick.top.rename({ loc: { ...loc, name: 'from' }, newLoc: loc }, contextOf(caller)));
  return { brick, loc, unlink, rename };
}

describe('the removal of a file', () => {
  it.each(['unlink', 'rename'] as const)('by %s waits for the inodelks of other clients', async (fop) => {
    const { brick, ...calls } = setUp();
    await brick.inodelk(a);
    const removal = calls[fop](b);
    await settled();
    expect(removal.state).toBe('waits');
    expect(brick.events).toMatchObject([{ kind: 'inodelk-contention', client: one }]);
    await brick.inodelk(a, { type: 'UNLOCK' });
    expect(await removal.ended).toBe('ok');
    expect(brick.child.last.fop).toBe(fop);
    expect([brick.files, brick.pins]).toEqual([[], 0]);
  });

  it.each([
    ['of the same client', a, a],
    ['of a heal', { ...a, pid: -6 }, b],
  ] as [string, Caller, Caller][])('does not wait for a lock %s', async (_name, holder, remover) => {
    const { brick, unlink } = setUp();
    await brick.inodelk(holder);
    expect(await unlink(remover).ended).toBe('ok');
  });

  it('keeps new locks out while it waits, but for those who have one', async () => {
    const { brick, unlink } = setUp();
    await brick.inodelk(a, { length: 5n });
    const removal = unlink(b);
    await settled();
    const fresh = watch(brick.inodelk(c, { start: 10n, length: 5n, wait: true }));
    const further = watch(brick.inodelk(a, { start: 20n, length: 5n }));
    const heal = watch(
      brick.inodelk({ client: newClient('heal'), owner: 4, pid: -6 }, { start: 30n, length: 5n }),
    );
    await settled();
    expect([fresh.state, further.state, heal.state]).toEqual(['waits', 'ok', 'ok']);
    brick.gone(one);
    expect([await removal.ended, await fresh.ended]).toEqual(['ok', 'ok']);
  });

  it('that leaves or whose client goes lets locks be taken again', async () => {
    const { brick, unlink } = setUp();
    const leaver = new AbortController();
    await brick.inodelk(a, { length: 5n });
    const left = unlink({ ...b, signal: leaver.signal });
    const gone = unlink(c);
    await settled();
    const fresh = watch(brick.inodelk({ client: newClient('four'), owner: 5 }, { start: 10n, wait: true }));
    await settled();
    leaver.abort();
    expect(await left.ended).toBe('ECANCELED');
    expect(fresh.state).toBe('waits');
    brick.gone(three);
    expect([await gone.ended, await fresh.ended]).toEqual(['ENOTCONN', 'ok']);
    expect(brick.child.fops).not.toContain('unlink');
  });

  it('of a name that leads nowhere goes on, and costs no lookup where there are no locks', async () => {
    const { brick, unlink } = setUp();
    expect(await unlink(b).ended).toBe('ok');
    expect(brick.child.fops).toEqual(['unlink']);
    await brick.inodelk(a);
    brick.child.answer('lookup', () => {
      throw new GlfsError('ENOENT');
    });
    expect(await unlink(b).ended).toBe('ok');
    brick.child.answer('lookup', () => {
      throw new GlfsError('EIO');
    });
    expect(await unlink(b).ended).toBe('EIO');
  });

  it('that fails opens the file again', async () => {
    const { brick, unlink } = setUp();
    await brick.inodelk(a, { length: 5n });
    brick.child.answer('unlink', () => {
      throw new GlfsError('EACCES');
    });
    const removal = unlink(b);
    await settled();
    await brick.inodelk(a, { length: 5n, type: 'UNLOCK' });
    expect(await removal.ended).toBe('EACCES');
    await brick.inodelk(c);
    await brick.inodelk(c, { type: 'UNLOCK' });
    expect(brick.pins).toBe(0);
  });
});
