import { describe, expect, it } from 'vitest';
import { GlfsError } from '../../../../src/errors.ts';
import { Fd, Inode, rootContext } from '../../../../src/graph/index.ts';
import { newGfid } from '../../../../src/protocol/gfid.ts';
import { S_IFREG } from '../../../../src/protocol/iatt.ts';
import { EntryLockCommand, EntryLockType, LockCommand, LockType } from '../../../../src/protocol/messages.ts';
import { type Distribute, distributeType } from '../../../../src/xlators/cluster/distribute/index.ts';
import { Layout } from '../../../../src/xlators/cluster/distribute/layout.ts';
import { fileStat, RecordingChild, translatorOver } from '../../../helpers/recording-child.ts';

const context = rootContext();

function scene() {
  const children = [0, 1].map((index) => new RecordingChild(`c${index}`));
  const volume = translatorOver(distributeType, children);
  for (const child of children) child.raise({ kind: 'child-up' });
  const { state } = volume.translator as unknown as Distribute;
  const fileOn = (index: number): Inode => {
    const inode = new Inode(newGfid(), 'file');
    state.setCached(inode, state.children[index]!);
    return inode;
  };
  const directory = new Inode(newGfid(), 'directory');
  const entry = { state: 'ok' as const, commitHash: 1 };
  const [first, second] = state.children;
  const entries = [
    { ...entry, child: first!, start: 0, stop: 0x7fffffff },
    { ...entry, child: second!, start: 0x80000000, stop: 0xffffffff },
  ];
  state.setLayout(directory, new Layout(entries, 1, 0, state.generation));
  state.setMds(directory, second!);
  const fops = () => children.map(({ fops }) => fops);
  return { volume, children, state, fileOn, directory, fops };
}

const flock = { type: LockType.WRITE, whence: 0, start: 0n, length: 0n, pid: 1, owner: new Uint8Array(8) };

describe('copying on the server', () => {
  const range = { sourceOffset: 0, targetOffset: 0, size: 10, flags: 0 };

  it.each([
    ['plain files', 0o644, 0o644, 'done'],
    ['a target under copy', 0o644, 0o3644, 'EXDEV'],
    ['a target that was moved away', 0o644, 0o1000, 'EXDEV'],
    ['a source that was moved away', 0o1000, 0o644, 'EXDEV'],
  ])('of %s', async (_what, sourceMode, targetMode, outcome) => {
    const { volume, children, fileOn } = scene();
    const [source, target] = [new Fd(fileOn(1), 0), new Fd(fileOn(1), 2)];
    const of = (mode: number, inode: Inode) => fileStat(inode.gfid, { mode: S_IFREG | mode });
    children[1]!.answer('copyFileRange', () => ({
      stat: of(sourceMode, source.inode),
      prestat: of(targetMode, target.inode),
      poststat: of(targetMode, target.inode),
    }));
    const copied = volume.copyFileRange({ source, target, ...range }, context).then(
      () => 'done',
      ({ code }: GlfsError) => code,
    );
    expect(await copied).toBe(outcome);
  });

  it('is refused for files on different subvolumes, before anything is done', async () => {
    const { volume, fileOn, fops } = scene();
    const [source, target] = [new Fd(fileOn(0), 0), new Fd(fileOn(1), 2)];
    const copied = volume.copyFileRange({ source, target, ...range }, context);
    await expect(copied).rejects.toMatchObject({ code: 'EXDEV' });
    expect(fops()).toEqual([[], []]);
  });
});

describe('locks', () => {
  it('of a directory are all on its metadata subvolume, and on none while that is down', async () => {
    const { volume, children, directory, fops } = scene();
    const loc = { inode: directory };
    const lock = { loc, command: LockCommand.SET_WAIT, type: LockType.WRITE, flock, domain: 'd' };
    await volume.inodelk(lock, context);
    const entry = {
      loc,
      command: EntryLockCommand.LOCK,
      type: EntryLockType.WRITE,
      namelen: 1,
      name: 'n',
      domain: 'd',
    };
    await volume.entrylk(entry, context);
    expect(fops()).toEqual([[], ['inodelk', 'entrylk']]);
    const other = scene();
    other.children[1]!.raise({ kind: 'child-down' });
    const refused = other.volume.inodelk({ ...lock, loc: { inode: other.directory } }, context);
    await expect(refused).rejects.toMatchObject({ code: 'ENOTCONN' });
    expect(children[0]!.calls).toEqual([]);
  });

  it('are dropped where they were taken, though the file is elsewhere by now', async () => {
    const { volume, children, state, fileOn, fops } = scene();
    const inode = fileOn(0);
    const fd = new Fd(inode, 2);
    children[0]!.answer('fstat', () => ({ stat: fileStat(inode.gfid) }));
    await volume.lk({ fd, command: LockCommand.SET, type: LockType.WRITE, flock }, context);
    state.setCached(inode, state.children[1]!);
    await volume.lk({ fd, command: LockCommand.SET, type: LockType.UNLOCK, flock }, context);
    expect(fops()).toEqual([['lk', 'fstat', 'lk'], []]);
  });

  it('report what a subvolume says of a conflict', async () => {
    const { volume, children, fileOn } = scene();
    const fd = new Fd(fileOn(0), 2);
    children[0]!.answer('lk', () => {
      throw new GlfsError('EAGAIN');
    });
    const taken = volume.lk({ fd, command: LockCommand.SET, type: LockType.WRITE, flock }, context);
    await expect(taken).rejects.toMatchObject({ code: 'EAGAIN' });
  });
});

describe('the rest', () => {
  it('registers upcalls with every brick, and sends other messages to the first', async () => {
    const { volume, fops } = scene();
    await volume.ipc({ operation: 2 }, context);
    expect(fops()).toEqual([['ipc'], ['ipc']]);
    await volume.ipc({ operation: 0 }, context);
    expect(fops()).toEqual([['ipc', 'ipc'], ['ipc']]);
  });

  it('releases an fd everywhere: it may have been opened on any subvolume', async () => {
    const { volume, fileOn, directory, fops } = scene();
    await volume.release({ fd: new Fd(fileOn(0), 2) }, context);
    await volume.releasedir({ fd: new Fd(directory, 0) }, context);
    expect(fops()).toEqual([
      ['release', 'releasedir'],
      ['release', 'releasedir'],
    ]);
  });

  it('asks any subvolume whether a directory may be entered, but believes a refusal', async () => {
    const { volume, children, directory, fops } = scene();
    const loc = { inode: directory };
    const says = (code: 'ENOTCONN' | 'EACCES') =>
      children[1]!.answer('access', () => {
        throw new GlfsError(code);
      });
    says('ENOTCONN');
    await volume.access({ loc, mask: 1 }, context);
    expect(fops()).toEqual([['access'], ['access']]);
    says('EACCES');
    await expect(volume.access({ loc, mask: 1 }, context)).rejects.toMatchObject({ code: 'EACCES' });
  });
});
