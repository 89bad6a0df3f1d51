import { afterEach, describe, expect, test } from 'vitest';
import { type CallContext, HEAL_PID, Inode, type Reply, rootContext } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { type Gfid, ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import { keys } from '../../../../src/protocol/keys.ts';
import { EntryLockCommand, EntryLockType } from '../../../../src/protocol/messages.ts';
import { has } from '../../../../src/xlators/cluster/children.ts';
import { encodeChangelog } from '../../../../src/xlators/cluster/replicate/changelog.ts';
import { lookup } from '../../../../src/xlators/cluster/replicate/lookup.ts';
import { ensureFresh } from '../../../../src/xlators/cluster/replicate/refresh.ts';
import { newGfid, ReplicaCopies } from '../../../helpers/replica-copies.ts';
import { waitUntil } from '../../../helpers/wait.ts';

let set: ReplicaCopies;
afterEach(() => set[Symbol.asyncDispose]());

const context = rootContext();
const root = new Inode(ROOT_GFID, 'directory');

async function start(options: Record<string, string> = {}, type = 'replicate 3'): Promise<void> {
  set = await ReplicaCopies.start(options, type);
}

function find(name: string, xdata?: Dict, as: CallContext = context): Promise<Reply<'lookup'>> {
  return lookup(set.state, { loc: { inode: new Inode(), parent: root, name }, flags: 0, xdata }, as);
}

function findByGfid(gfid: Gfid): Promise<Reply<'lookup'>> {
  return lookup(set.state, { loc: { inode: new Inode(gfid) }, flags: 0 }, context);
}

/** A file of this text on each copy; undefined where a copy has none. */
async function make(name: string, texts: readonly (string | undefined)[], gfid = newGfid()): Promise<Gfid> {
  for (const [index, text] of texts.entries()) {
    if (text !== undefined) await set.copies[index]!.create(name, gfid, text);
  }
  return gfid;
}

async function kill(...positions: number[]): Promise<void> {
  for (const index of positions) await set.bricks[index]!.kill();
  await waitUntil(() => positions.every((index) => !has(set.state.up, index)), {
    what: 'the loss of copies',
  });
}

async function existsOn(name: string): Promise<boolean[]> {
  return Promise.all(
    set.copies.map((copy) =>
      copy.lookup(name).then(
        () => true,
        () => false,
      ),
    ),
  );
}

describe('copies that agree', () => {
  test('are all good, by name and by gfid', async () => {
    await start();
    const gfid = await make('a', ['same', 'same', 'same']);
    const named = await find('a');
    expect(named.stat).toMatchObject({ gfid, size: 4 });
    expect(set.state.file(gfid).copies).toMatchObject({ data: 0b111, metadata: 0b111 });
    set.state.file(gfid).forget();
    expect((await findByGfid(gfid)).stat.gfid).toEqual(gfid);
    expect(set.state.file(gfid).copies).toMatchObject({ data: 0b111, metadata: 0b111 });
  });

  test('tell callers what they have asked for, and healers the changelogs, too', async () => {
    await start();
    await make('a', ['same', 'same', 'same']);
    for (const index of [0, 1]) await set.copies[index]!.accuse('a', [2], { metadata: 1 });
    const plain = await find('a', new Dict().setEntry(keys.openFdCount.name, { type: 'uint', value: 4n }));
    expect([...(plain.xdata?.names() ?? [])].filter((name) => name.includes('afr'))).toEqual([]);
    expect(plain.xdata?.has(keys.inodelkCount) ?? false).toBe(false);
    expect(plain.xdata?.has(keys.linkCount) ?? false).toBe(false);
    expect(plain.xdata?.get(keys.openFdCount)).toBe(0);
    const healer = await find('a', undefined, { ...context, pid: HEAL_PID });
    expect(healer.xdata?.bytes('trusted.afr.r-client-2')).toEqual(encodeChangelog({ metadata: 1 }));
  });

  test('that no name is one thing, that too few were asked another', async () => {
    await start();
    await expect(find('none')).rejects.toMatchObject({ code: 'ENOENT' });
    await kill(2);
    await expect(find('none')).rejects.toMatchObject({ code: 'ENOENT' });
    await kill(1);
    await expect(find('none')).rejects.toMatchObject({ code: 'ENOTCONN' });
    await expect(findByGfid(newGfid())).rejects.toMatchObject({ code: 'ENOTCONN' });
  });

  test('a copy that breaks while it is asked is not counted', async () => {
    await start();
    await make('a', ['same', 'same', 'same']);
    await set.bricks[0]!.fault({ fop: 'lookup', action: 'drop' });
    const { stat } = await find('a');
    expect(has(set.state.file(stat.gfid).readable('data'), 0)).toBe(false);
    await set.bricks[0]!.clearFaults();
  });
});

describe('copies that accuse', () => {
  test.each([0, 1, 2])('attributes never come from the copy that is accused: %i', async (bad) => {
    await start({ 'read-subvolume-index': String(bad) });
    const gfid = await make('a', ['new text', 'new text', 'new text'].with(bad, 'old'));
    const good = [0, 1, 2].filter((index) => index !== bad);
    for (const index of good) await set.copies[index]!.accuse('a', [bad], { data: 1 });
    expect((await find('a')).stat.size).toBe(8);
    expect((await findByGfid(gfid)).stat.size).toBe(8);
    expect(set.state.file(gfid).copies).toMatchObject({ data: 0b111 & ~(1 << bad), metadata: 0b111 });
  });

  test('an accusation of attributes leaves the data good', async () => {
    await start();
    const gfid = await make('a', ['text', 'text', 'text']);
    await set.copies[0]!.accuse('a', [1], { metadata: 1 });
    await find('a');
    expect(set.state.file(gfid).copies).toMatchObject({ data: 0b111, metadata: 0b101 });
  });

  test('a shorter copy is not read, accused or not', async () => {
    await start({ 'read-subvolume-index': '1' });
    const gfid = await make('a', ['longer', 'short', 'longer']);
    expect((await find('a')).stat.size).toBe(6);
    expect(set.state.file(gfid).copies).toMatchObject({ data: 0b101, metadata: 0b111 });
  });

  test('what is accused while copies are asked is not believed to be good', async () => {
    await start();
    const gfid = await make('a', ['text', 'text', 'text']);
    await find('a');
    const fault = await set.bricks[0]!.fault({ fop: 'lookup', action: 'delay', milliseconds: 100 });
    const asked = find('a');
    await waitUntil(async () => (await fault.acted()) === 1, { what: 'the lookup' });
    set.state.accuse(new Inode(gfid, 'file'), 'data', 0b010);
    await asked;
    expect(set.state.file(gfid).copies).toMatchObject({ data: 0b101, metadata: 0b111 });
    await find('a');
    expect(set.state.file(gfid).copies).toMatchObject({ data: 0b111, metadata: 0b111 });
  });

  test('where what is known is thrown away meanwhile the copies are asked again', async () => {
    await start();
    const gfid = await make('a', ['text', 'text', 'text']);
    const fault = await set.bricks[0]!.fault({ fop: 'lookup', action: 'delay', milliseconds: 100 });
    const asked = find('a');
    await waitUntil(async () => (await fault.acted()) === 1, { what: 'the lookup' });
    set.state.file(gfid).forget();
    const before = (await set.bricks[1]!.counts()).lookup!;
    await asked;
    expect((await set.bricks[1]!.counts()).lookup).toBeGreaterThan(before);
    expect(set.state.file(gfid).generation).toBe(set.state.generation);
  });
});

describe('names', () => {
  test('a copy of the directory that is known to lack it is left to its heal', async () => {
    await start();
    const gfid = await make('a', ['text', 'text', undefined]);
    await set.missed([2], '/', ['a']);
    expect((await find('a')).stat.gfid).toEqual(gfid);
    expect(await existsOn('a')).toEqual([true, true, false]);
    expect(set.state.file(gfid).copies).toMatchObject({ data: 0b011, metadata: 0b011 });
  });

  test('a copy that lacks it although nobody accuses it gets it', async () => {
    await start();
    const gfid = await make('a', ['text', 'text', undefined]);
    expect((await find('a')).stat.gfid).toEqual(gfid);
    expect(await existsOn('a')).toEqual([true, true, true]);
  });

  test('what only an accused copy of the directory has is gone', async () => {
    await start();
    await make('a', [undefined, undefined, 'left over']);
    await set.missed([2], '/', ['a']);
    await expect(find('a')).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await existsOn('a')).toEqual([false, false, false]);
  });

  test('while a copy is down nothing is removed, and the good ones decide', async () => {
    await start();
    await make('a', [undefined, 'left over', undefined]);
    await set.missed([1], '/', ['a']);
    await kill(2);
    await expect(find('a')).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await existsOn('a')).slice(0, 2)).toEqual([false, true]);
  });

  test('two files under one name: the accused one loses', async () => {
    await start();
    const right = await make('a', ['right', 'right', undefined]);
    await make('a', [undefined, undefined, 'wrong']);
    await set.missed([2], '/', ['a']);
    expect((await find('a')).stat.gfid).toEqual(right);
  });

  test('two files under one name, and nobody knows which: EIO', async () => {
    await start({}, 'replicate 2');
    await make('a', ['one', undefined]);
    await make('a', [undefined, 'other']);
    await expect(find('a')).rejects.toMatchObject({ code: 'EIO' });
    expect(await existsOn('a')).toEqual([true, true]);
  });

  test('a file here and a directory there, and nobody knows which: EIO', async () => {
    await start({}, 'replicate 2');
    await make('a', ['one', undefined]);
    await set.copies[1]!.mkdir('a', newGfid());
    await expect(find('a')).rejects.toMatchObject({ code: 'EIO' });
  });

  test('of one gfid, but of two types: EIO by gfid, too', async () => {
    await start({}, 'replicate 2');
    const gfid = await make('a', ['one', undefined]);
    await set.copies[1]!.symlink('target', 'a', gfid);
    await expect(findByGfid(gfid)).rejects.toMatchObject({ code: 'EIO' });
    await expect(find('a')).rejects.toMatchObject({ code: 'EIO' });
  });

  test('replicate’s own directories are nobody’s', async () => {
    await start();
    for (const name of ['.landfill', '.glusterfs-anonymous-inode-x'])
      await expect(find(name)).rejects.toMatchObject({ code: 'EPERM' });
    await expect(find('.other')).rejects.toMatchObject({ code: 'ENOENT' });
    const below = new Inode(newGfid(), 'directory');
    const loc = { inode: new Inode(), parent: below, name: '.landfill' };
    await expect(lookup(set.state, { loc, flags: 0 }, context)).rejects.not.toMatchObject({ code: 'EPERM' });
  });
});

describe('no good copy', () => {
  test('in split-brain the file is found, with attributes that are not in doubt', async () => {
    await start();
    const gfid = await make('a', ['one', 'other', 'third!']);
    for (const index of [0, 1, 2]) await set.copies[index]!.accuse('a', [(index + 1) % 3], { data: 1 });
    expect((await find('a')).stat.gfid).toEqual(gfid);
    expect(set.state.file(gfid).copies).toMatchObject({
      data: 0,
      metadata: 0b111,
      splitBrain: { data: true, metadata: false },
    });
  });

  test('where the good one may be down: ENOTCONN', async () => {
    await start({}, 'replicate 3 arbiter 1');
    await make('a', ['new text', 'old', undefined]);
    await set.copies[2]!.create('a', (await set.copies[0]!.lookup('a')).gfid);
    for (const index of [0, 2]) await set.copies[index]!.accuse('a', [1], { data: 1 });
    await kill(0);
    await expect(find('a')).rejects.toMatchObject({ code: 'ENOTCONN' });
  });
});

describe('that a name is missing only those say whose word counts', () => {
  /** The second copy has it, too, and can't be asked; the third has missed that it was made. */
  async function acknowledged(): Promise<Gfid> {
    await start();
    const gfid = await make('a', ['text', 'text', undefined]);
    await set.missed([2], '/', ['a']);
    return gfid;
  }

  async function lockName(name: string): Promise<void> {
    const { LOCK_NONBLOCKING: command } = EntryLockCommand;
    const { domain } = set.state;
    const request = { loc: { inode: root }, command, type: EntryLockType.WRITE, namelen: 1, name, domain };
    for (const { child, index } of set.copies)
      if (has(set.state.up, index))
        await child.entrylk(request, { ...context, lkOwner: Buffer.from('other') });
  }

  test('not one that is accused, while a heal or change of the name goes on', async () => {
    await acknowledged();
    await kill(1);
    await lockName('a');
    await expect(find('a')).rejects.toMatchObject({ code: 'ENOTCONN' });
  });

  test('a good one, while the name is being made with a copy down', async () => {
    await start();
    await make('a', ['text', undefined, undefined]);
    await kill(1);
    await lockName('a');
    await expect(find('a')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('not one beside another that fails', async () => {
    const gfid = await acknowledged();
    await kill(0);
    await set.bricks[1]!.fault({ fop: 'lookup', action: 'fail', errno: 'EIO', times: 100 });
    await expect(find('a')).rejects.toMatchObject({ code: 'EIO' });
    await expect(findByGfid(gfid)).rejects.toMatchObject({ code: 'EIO' });
  });

  test('not one beside another whose answer is lost: nor of a file that is looked at again', async () => {
    const gfid = await acknowledged();
    await set.bricks[1]!.fault({ fop: 'lookup', action: 'fail', errno: 'ENOTCONN', times: 100 });
    await expect(ensureFresh(set.state, new Inode(gfid, 'file'), context)).rejects.toMatchObject({
      code: 'ENOTCONN',
    });
  });
});
