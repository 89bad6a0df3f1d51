import { afterEach, describe, expect, test, vi } from 'vitest';
import { Fd, Inode, rootContext } from '../../../../src/graph/index.ts';
import { Dict, entryText } from '../../../../src/protocol/dict.ts';
import { OpenFlag } from '../../../../src/protocol/messages.ts';
import { has } from '../../../../src/xlators/cluster/children.ts';
import { parts } from '../../../../src/xlators/cluster/replicate/fops.ts';
import { newGfid, ReplicaCopies } from '../../../helpers/replica-copies.ts';
import { waitUntil } from '../../../helpers/wait.ts';

let set: ReplicaCopies;
afterEach(async () => {
  vi.useRealTimers();
  await set[Symbol.asyncDispose]();
});

const context = rootContext();
const texts = ['copy 0', 'copy 1', 'copy 2'];

async function start(type = 'replicate 2'): Promise<Inode> {
  set = await ReplicaCopies.start({}, type);
  const gfid = newGfid();
  for (const copy of set.copies) await copy.create('a', gfid, texts[copy.index]!);
  return new Inode(gfid, 'file');
}

async function split(...kinds: ('data' | 'metadata')[]): Promise<void> {
  for (const { index } of set.copies) {
    const others = set.copies.map((copy) => copy.index).filter((other) => other !== index);
    for (const kind of kinds) await set.copies[index]!.accuse('a', others, { [kind]: 1 });
  }
}

async function ask(inode: Inode, name: string): Promise<string> {
  const { dict } = await parts.getxattr(set.state, { loc: { inode }, name }, context);
  return entryText(dict!.entry(name)!);
}

async function order(inode: Inode, name: string, value: string): Promise<void> {
  const dict = new Dict().setBytes(name, Buffer.from(value));
  await parts.setxattr(set.state, { loc: { inode }, flags: 0, dict }, context);
}

async function read(inode: Inode): Promise<string> {
  const fd = new Fd(inode, OpenFlag.RDONLY);
  for (const { child } of set.copies) await child.open({ loc: { inode }, fd, flags: fd.flags }, context);
  const { data } = await parts.read(set.state, { fd, offset: 0, size: 100, flags: 0 }, context);
  return Buffer.from(data).toString();
}

const STATUS = 'replica.split-brain-status';
const CHOICE = 'replica.split-brain-choice';
const TIMEOUT = 'replica.split-brain-choice-timeout';
const FINALIZE = 'replica.split-brain-heal-finalize';

describe('the status', () => {
  test('in GlusterFS’s words', async () => {
    const inode = await start();
    expect(await ask(inode, STATUS)).toBe('The file is not under data or metadata split-brain');
    await split('data');
    const choices = 'Choices:r-client-0,r-client-1';
    expect(await ask(inode, STATUS)).toBe(`data-split-brain:yes    metadata-split-brain:no    ${choices}`);
    await split('metadata');
    expect(await ask(inode, STATUS)).toBe(`data-split-brain:yes    metadata-split-brain:yes    ${choices}`);
  });

  test('is not told while a copy is down', async () => {
    const inode = await start('replicate 3');
    await split('data');
    await set.bricks[2]!.kill();
    await waitUntil(() => !has(set.state.up, 2), { what: 'the loss of a copy' });
    await expect(ask(inode, STATUS)).rejects.toMatchObject({ code: 'EAGAIN' });
  });

  test('of a copy that is merely behind is no split-brain', async () => {
    const inode = await start();
    await set.copies[0]!.accuse('a', [1], { data: 1 });
    expect(await ask(inode, STATUS)).toBe('The file is not under data or metadata split-brain');
    expect(await ask(inode, 'glusterfs.heal-info')).toBe('heal-pending');
  });

  test('heal-info tells it, too', async () => {
    const inode = await start();
    expect(await ask(inode, 'glusterfs.heal-info')).toBe('no-heal');
    await split('metadata');
    expect(await ask(inode, 'glusterfs.heal-info')).toBe('split-brain-pending');
  });
});

describe('a choice', () => {
  test('lets this client read that copy', async () => {
    const inode = await start();
    await split('data', 'metadata');
    await expect(read(inode)).rejects.toMatchObject({ code: 'EIO' });
    await order(inode, CHOICE, 'r-client-1');
    expect(await read(inode)).toBe('copy 1');
    expect((await parts.stat(set.state, { loc: { inode } }, context)).stat.size).toBe(6);
    await order(inode, CHOICE, 'r-client-0');
    expect(await read(inode)).toBe('copy 0');
    await order(inode, CHOICE, 'none');
    await expect(read(inode)).rejects.toMatchObject({ code: 'EIO' });
    expect(set.state.file(inode).pins).toBe(0);
  });

  test('ends by itself', async () => {
    const inode = await start();
    await split('data');
    await order(inode, TIMEOUT, '2');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const choosing = order(inode, CHOICE, 'r-client-1');
    await choosing;
    expect(await read(inode)).toBe('copy 1');
    vi.advanceTimersByTime(119_000);
    expect(await read(inode)).toBe('copy 1');
    vi.advanceTimersByTime(2_000);
    vi.useRealTimers();
    await expect(read(inode)).rejects.toMatchObject({ code: 'EIO' });
  });

  test('is for files in split-brain, of copies that there are', async () => {
    const inode = await start();
    await expect(order(inode, CHOICE, 'r-client-0')).rejects.toMatchObject({ code: 'EINVAL' });
    await split('data');
    await expect(order(inode, CHOICE, 'r-client-7')).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(order(inode, TIMEOUT, 'soon')).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(read(inode)).rejects.toMatchObject({ code: 'EIO' });
  });

  test('stores no attribute', async () => {
    const inode = await start();
    await split('data');
    await order(inode, CHOICE, 'r-client-0');
    for (const { child } of set.copies) {
      const { dict } = await child.getxattr({ loc: { inode }, name: '' }, context);
      expect([...(dict?.names() ?? [])].filter((name) => name.startsWith('replica.'))).toEqual([]);
    }
  });
});

describe('the end of it', () => {
  test.each([0, 1])('by copy %i', async (index) => {
    const inode = await start();
    await split('data', 'metadata');
    await order(inode, CHOICE, `r-client-${1 - index}`);
    await order(inode, FINALIZE, `r-client-${index}`);
    expect(await read(inode)).toBe(texts[index]);
    expect(await ask(inode, STATUS)).toBe('The file is not under data or metadata split-brain');
    for (const { child } of set.copies) {
      const fd = new Fd(inode, OpenFlag.RDONLY);
      await child.open({ loc: { inode }, fd, flags: fd.flags }, context);
      const { data } = await child.read({ fd, offset: 0, size: 100, flags: 0 }, context);
      expect(Buffer.from(data).toString()).toBe(texts[index]);
    }
  });

  test('needs a copy that there is', async () => {
    const inode = await start();
    await split('data');
    await expect(order(inode, FINALIZE, 'none')).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(read(inode)).rejects.toMatchObject({ code: 'EIO' });
  });
});

describe('names that all copies answer', () => {
  test('say where all of them are', async () => {
    const inode = await start();
    const text = await ask(inode, 'trusted.glusterfs.pathinfo');
    expect(text).toMatch(/^\(<REPLICATE:r-replicate-0> <POSIX\(.*brick-0\/a> <POSIX\(.*brick-1\/a>\)$/);
    expect(await ask(inode, 'glusterfs.pathinfo')).toBe(text);
  });

  test('changelogs are none of the caller’s', async () => {
    const inode = await start();
    await set.copies[0]!.accuse('a', [1], { data: 1 });
    const name = 'trusted.afr.r-client-1';
    await expect(ask(inode, name)).rejects.toMatchObject({ code: 'ENODATA' });
    const { dict } = await parts.getxattr(set.state, { loc: { inode }, name: '' }, context);
    expect([...dict!.names()].filter((one) => one.startsWith('trusted.afr'))).toEqual([]);
  });
});

describe('by path', () => {
  test.each(['data', 'metadata'] as const)(
    'a file in split-brain of %s is found, and nothing of it is told',
    async (kind) => {
      const inode = await start('replicate 3');
      await split(kind);
      await using volume = await set.cluster.connect('r');
      for (const call of [volume.stat('/a'), volume.lstat('/a'), volume.statx('/a'), volume.readFile('/a')])
        await expect(call).rejects.toMatchObject({ code: 'EIO' });
      expect((await volume.getxattr('/a', STATUS)).toString()).toContain(`${kind}-split-brain:yes`);
      await volume.setxattr('/a', CHOICE, 'r-client-2');
      expect((await volume.stat('/a')).size).toBe(6);
      expect((await volume.readFile('/a')).toString()).toBe('copy 2');
      await volume.setxattr('/a', FINALIZE, 'r-client-0');
      expect((await volume.stat('/a')).size).toBe(6);
      set.state.file(inode).forget();
      // Of bytes that nobody accuses any copy will do.
      expect(kind === 'data' ? ['copy 0'] : texts).toContain(await read(inode));
    },
  );

  test('it can be removed', async () => {
    await start('replicate 3');
    await split('data', 'metadata');
    await using volume = await set.cluster.connect('r');
    await volume.unlink('/a');
    expect(await volume.readdir('/')).toEqual([]);
  });
});
