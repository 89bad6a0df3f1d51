import { beforeEach, describe, expect, it } from 'vitest';
import { Fd, Inode } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { emptyIatt } from '../../../../src/protocol/iatt.ts';
import { type Caller, contextOf, LockBrick, newClient, settled, watch } from '../../../helpers/lock-brick.ts';
import { fileStat } from '../../../helpers/recording-child.ts';

const a: Caller = { client: newClient('one'), owner: 1 };
const b: Caller = { client: newClient('two'), owner: 2 };

function asking(...names: string[]): Dict {
  return new Dict(names.map((name) => [name, { type: 'int', value: 1n }]));
}

function told(xdata: Dict | undefined): Record<string, unknown> {
  return Object.fromEntries(
    [...(xdata ?? [])].map(([name, entry]) => [name.replace('glusterfs.', ''), Number(entry.value)]),
  );
}

describe('replies say what their calls asked of locks', () => {
  let brick: LockBrick;

  beforeEach(async () => {
    brick = new LockBrick();
    await brick.inodelk(a, { domain: 'x' });
    await brick.inodelk(a, { domain: 'y' });
    watch(brick.inodelk(b, { domain: 'y', wait: true }));
    await brick.lk(a, { length: 5n });
    await brick.lk(a, { start: 10n });
    watch(brick.lk(b, { wait: true }));
    await brick.entrylk(a, { name: 'n' });
    await brick.entrylk(a, { domain: 'other' });
    await settled();
    brick.child.answer('lookup', () => ({
      stat: fileStat(brick.inode.gfid),
      postparent: emptyIatt(),
      xdata: asking('kept'),
    }));
  });

  const lookup = async (xdata: Dict, name = 'n') =>
    (
      await brick.top.lookup(
        { loc: { inode: new Inode(), parent: brick.directory, name }, flags: 0, xdata },
        contextOf(b),
      )
    ).xdata;

  it('lookup: of all domains, of one, of several; held and waited for', async () => {
    expect(told(await lookup(asking('glusterfs.inodelk-count', 'glusterfs.posixlk-count')))).toEqual({
      kept: 1,
      'inodelk-count': 3,
      'posixlk-count': 3,
    });
    const domain = new Dict().setEntry('glusterfs.inodelk-dom-count', { type: 'str', value: 'y' });
    expect(told(await lookup(domain))).toEqual({ kept: 1, 'inodelk-count': 2 });
    const none = new Dict().setEntry('glusterfs.inodelk-dom-count', { type: 'str', value: 'z' });
    expect(told(await lookup(none))).toEqual({ kept: 1, 'inodelk-count': 0 });
    const many = asking(
      'glusterfs.multi-dom-lk-cnt-req',
      'glusterfs.inodelk-dom-prefix:x',
      'glusterfs.inodelk-dom-prefix:y',
      'glusterfs.inodelk-dom-prefix:',
    );
    expect(told(await lookup(many))).toEqual({
      kept: 1,
      'inodelk-dom-prefix:x': 1,
      'inodelk-dom-prefix:y': 2,
    });
  });

  it('lookup: whether the very name is locked', async () => {
    const wish = asking('glusterfs.parent-entrylk');
    expect(told(await lookup(wish))).toEqual({ kept: 1, 'parent-entrylk': 1 });
    expect(told(await lookup(wish, 'm'))).toEqual({ kept: 1, 'parent-entrylk': 0 });
    expect(wish.size, "the caller's own dict stays as it was").toBe(1);
  });

  it('wishes go no further down, the rest of the xdata does', async () => {
    await lookup(asking('glusterfs.inodelk-count', 'glusterfs.open-fd-count'));
    const { xdata } = brick.child.last.request as { xdata: Dict };
    expect([...xdata.names()]).toEqual(['glusterfs.open-fd-count']);
  });

  it('calls by fd tell of the file, calls on entries of their directories', async () => {
    const wish = asking('glusterfs.inodelk-count', 'glusterfs.entrylk-count');
    const write = { fd: brick.fd, offset: 0, size: 0, flags: 0, data: [], xdata: wish };
    expect(told((await brick.top.write(write, contextOf(b))).xdata)).toEqual({
      'inodelk-count': 3,
      'entrylk-count': 0,
    });
    const loc = { inode: new Inode(), parent: brick.directory, name: 'q' };
    const elsewhere = { ...loc, parent: new Inode(Uint8Array.from(brick.inode.gfid).fill(9), 'directory') };
    const rename = { loc: elsewhere, newLoc: loc, xdata: wish };
    brick.child.answer('lookup', () => {
      throw Object.assign(new Error('none'), { code: 'ENOENT' });
    });
    expect(told((await brick.top.rename(rename, contextOf(a))).xdata)).toEqual({
      'inodelk-count': 0,
      'entrylk-count': 2,
    });
    const setattr = { loc: { inode: brick.inode }, stat: emptyIatt(), valid: 0, xdata: wish };
    expect(told((await brick.top.setattr(setattr, contextOf(b))).xdata)).toEqual({});
  });

  it('a listing tells of each entry', async () => {
    const entry = { type: 'file' as const, ino: 1n, offset: 1n };
    brick.child.answer('readdirp', () => ({
      entries: [
        { ...entry, name: 'n', stat: fileStat(brick.inode.gfid) },
        { ...entry, name: 'm' },
      ],
    }));
    const xdata = asking('glusterfs.posixlk-count', 'glusterfs.parent-entrylk');
    const fd = new Fd(brick.directory, 0);
    const { entries } = await brick.top.readdirp({ fd, offset: 0n, size: 100, xdata }, contextOf(b));
    expect(entries.map((each) => told(each.xdata))).toEqual([
      { 'posixlk-count': 3, 'parent-entrylk': 1 },
      { 'parent-entrylk': 0 },
    ]);
  });

  it('a call that asks nothing gets what the child gave', async () => {
    const reply = await brick.top.fstat({ fd: brick.fd, xdata: asking('other') }, contextOf(b));
    expect(reply).toEqual({});
  });
});
