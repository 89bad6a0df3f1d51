import { describe, expect, it } from 'vitest';
import { GlfsError } from '../../../../src/errors.ts';
import { Fd, Inode, rootContext } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { newGfid } from '../../../../src/protocol/gfid.ts';
import { emptyIatt, S_IFDIR } from '../../../../src/protocol/iatt.ts';
import { SetattrValid } from '../../../../src/protocol/messages.ts';
import { type Distribute, distributeType } from '../../../../src/xlators/cluster/distribute/index.ts';
import { Layout } from '../../../../src/xlators/cluster/distribute/layout.ts';
import { directoryStat, RecordingChild, translatorOver } from '../../../helpers/recording-child.ts';

const context = rootContext();
const MDS = 'trusted.glusterfs.dht.mds';

/** A directory on three subvolumes; the second is its metadata subvolume. */
function scene() {
  const children = [0, 1, 2].map((index) => new RecordingChild(`c${index}`));
  const order: string[] = [];
  const volume = translatorOver(distributeType, children);
  for (const child of children) child.raise({ kind: 'child-up' });
  const { state } = volume.translator as unknown as Distribute;
  const inode = new Inode(newGfid(), 'directory');
  const entries = state.children.map((child, index) => ({
    child,
    state: 'ok' as const,
    start: index * 0x40000000,
    stop: index === 2 ? 0xffffffff : index * 0x40000000 + 0x3fffffff,
    commitHash: 1,
  }));
  state.setLayout(inode, new Layout(entries, 1, 0, state.generation));
  state.setMds(inode, state.children[1]!);
  for (const [index, child] of children.entries()) {
    const stats = (mode: number) =>
      directoryStat(inode.gfid, { mode: S_IFDIR | mode, mtime: BigInt(100 + index) });
    child.answer('setattr', ({ stat: { mode } }) => {
      order.push(`setattr ${index}`);
      return { prestat: stats(0o755), poststat: stats(mode) };
    });
    child.answer('stat', () => ({ stat: stats(index === 1 ? 0o700 : 0o755) }));
    child.answer('setxattr', () => {
      order.push(`setxattr ${index}`);
      return {};
    });
    child.answer('xattrop', ({ dict }) => {
      order.push(`count ${index} ${Buffer.from(dict!.bytes(MDS)!).readInt32BE()}`);
      return { dict };
    });
  }
  const fail = (index: number, fop: 'setattr' | 'setxattr', code: 'ENOTCONN' | 'EACCES' = 'ENOTCONN') =>
    children[index]!.answer(fop, () => {
      order.push(`${fop} ${index} ${code}`);
      throw new GlfsError(code);
    });
  return { volume, children, state, inode, order, fail, loc: { inode } };
}

const mode = { stat: { ...emptyIatt(), mode: 0o711 }, valid: SetattrValid.MODE };
const note = new Dict().setBytes('user.note', Buffer.from('x'));

describe('attributes of a directory', () => {
  it('are set on the metadata subvolume first, then on the others', async () => {
    const { volume, order, loc } = scene();
    const { poststat } = await volume.setattr({ loc, ...mode }, context);
    expect(order[0]).toBe('setattr 1');
    expect(order.slice(1).sort()).toEqual(['setattr 0', 'setattr 2']);
    expect(poststat).toMatchObject({ mode: S_IFDIR | 0o711, size: 4096, mtime: 102n });
  });

  it('are set nowhere when it refuses', async () => {
    const { volume, order, fail, loc } = scene();
    fail(1, 'setattr', 'EACCES');
    await expect(volume.setattr({ loc, ...mode }, context)).rejects.toMatchObject({ code: 'EACCES' });
    expect(order).toEqual(['setattr 1 EACCES']);
  });

  it('cannot be set while it is down', async () => {
    const { volume, children, order, loc } = scene();
    children[1]!.raise({ kind: 'child-down' });
    await expect(volume.setattr({ loc, ...mode }, context)).rejects.toMatchObject({ code: 'ENOTCONN' });
    expect(order).toEqual([]);
  });

  it('count as set although another subvolume missed them', async () => {
    const { volume, fail, loc } = scene();
    fail(2, 'setattr');
    await expect(volume.setattr({ loc, ...mode }, context)).resolves.toMatchObject({
      poststat: { mode: S_IFDIR | 0o711 },
    });
    expect(volume.lines.map(({ message }) => message)).toContain('attributes await healing');
  });

  it('are read as the metadata subvolume has them, with the latest times of all', async () => {
    const { volume, loc } = scene();
    await expect(volume.stat({ loc }, context)).resolves.toMatchObject({
      stat: { mode: S_IFDIR | 0o700, mtime: 102n, size: 4096, blocks: 8 },
    });
  });
});

describe('extended attributes of a directory', () => {
  it('are counted on the metadata subvolume until all have them', async () => {
    const { volume, order, loc } = scene();
    await volume.setxattr({ loc, dict: note, flags: 0 }, context);
    expect(order.slice(0, 2)).toEqual(['count 1 -1', 'setxattr 1']);
    expect(order.slice(2, 4).sort()).toEqual(['setxattr 0', 'setxattr 2']);
    expect(order[4]).toBe('count 1 1');
  });

  it('stay counted when one of the others missed them', async () => {
    const { volume, order, fail, loc } = scene();
    fail(0, 'setxattr');
    await volume.setxattr({ loc, dict: note, flags: 0 }, context);
    expect(order).not.toContain('count 1 1');
    expect(order).toContain('setxattr 2');
  });

  it('are set nowhere else, and not counted, when the metadata subvolume refuses', async () => {
    const { volume, order, fail, loc } = scene();
    fail(1, 'setxattr', 'EACCES');
    const set = volume.setxattr({ loc, dict: note, flags: 0 }, context);
    await expect(set).rejects.toMatchObject({ code: 'EACCES' });
    expect(order).toEqual(['count 1 -1', 'setxattr 1 EACCES', 'count 1 1']);
  });

  it('of other kinds go to all at once', async () => {
    const { volume, order, loc } = scene();
    const dict = new Dict().setBytes('trusted.other', Buffer.from('x'));
    await volume.setxattr({ loc, dict, flags: 0 }, context);
    expect(order.sort()).toEqual(['setxattr 0', 'setxattr 1', 'setxattr 2']);
  });

  it.each([MDS, 'trusted.glusterfs.dht', 'trusted.glusterfs.dht.linkto'])('refuse %s', async (name) => {
    const { volume, order, loc, inode } = scene();
    const dict = new Dict().setBytes(name, Buffer.from('x'));
    const fd = new Fd(inode, 0);
    const refused = { code: 'EPERM' };
    await expect(volume.setxattr({ loc, dict, flags: 0 }, context)).rejects.toMatchObject(refused);
    await expect(volume.fsetxattr({ fd, dict, flags: 0 }, context)).rejects.toMatchObject(refused);
    await expect(volume.removexattr({ loc, name }, context)).rejects.toMatchObject(refused);
    await expect(volume.fremovexattr({ fd, name }, context)).rejects.toMatchObject(refused);
    expect(order).toEqual([]);
  });

  it('are merged from all, with the metadata subvolume’s word the last, and without the internal ones', async () => {
    const { volume, children, loc } = scene();
    for (const [index, child] of children.entries()) {
      child.answer('getxattr', () => ({
        dict: new Dict()
          .setBytes('user.a', Buffer.from(String(index)))
          .setBytes(`user.only${index}`, Buffer.from('x'))
          .setBytes('trusted.glusterfs.dht', new Uint8Array(16))
          .setBytes(MDS, new Uint8Array(4)),
      }));
    }
    const { dict } = await volume.getxattr({ loc, name: '' }, context);
    expect([...dict!.names()].sort()).toEqual(['user.a', 'user.only0', 'user.only1', 'user.only2']);
    expect(Buffer.from(dict!.bytes('user.a')!).toString()).toBe('1');
  });

  it('tell where the directory is', async () => {
    const { volume, children, loc } = scene();
    const name = 'trusted.glusterfs.pathinfo';
    for (const [index, child] of children.entries()) {
      child.answer('getxattr', () => ({
        dict: new Dict([[name, { type: 'str', value: `<POSIX(/b${index}):host:/b${index}/d>` }]]),
      }));
    }
    const { dict } = await volume.getxattr({ loc, name }, context);
    expect(Buffer.from(dict!.bytes(name)!).toString()).toBe(
      '((<DISTRIBUTE:subject> <POSIX(/b0):host:/b0/d> <POSIX(/b1):host:/b1/d> <POSIX(/b2):host:/b2/d>) ' +
        '(subject-layout (c0 0 1073741823) (c1 1073741824 2147483647) (c2 2147483648 4294967295)))',
    );
  });

  it('find the real name of an entry, and do not deny one that may be on a subvolume that is down', async () => {
    const { volume, children, loc } = scene();
    const name = 'glusterfs.get_real_filename:README';
    const says = (index: number, code: 'ENODATA' | 'ENOTCONN') =>
      children[index]!.answer('getxattr', () => {
        throw new GlfsError(code);
      });
    for (const index of [0, 1, 2]) says(index, 'ENODATA');
    await expect(volume.getxattr({ loc, name }, context)).rejects.toMatchObject({ code: 'ENODATA' });
    says(0, 'ENOTCONN');
    await expect(volume.getxattr({ loc, name }, context)).rejects.toMatchObject({ code: 'ENOTCONN' });
    children[2]!.answer('getxattr', () => ({ dict: new Dict([[name, { type: 'str', value: 'ReadMe' }]]) }));
    const { dict } = await volume.getxattr({ loc, name }, context);
    expect(Buffer.from(dict!.bytes(name)!).toString()).toBe('ReadMe');
  });

  it('answer for the volume without asking a brick', async () => {
    const { volume, children, state, loc, inode } = scene();
    const hashed = state.layoutOf(inode)!.search(state.hash.hash('file1'))!;
    const { dict } = await volume.getxattr({ loc, name: 'dht.file.hashed-subvol.file1' }, context);
    expect(Buffer.from(dict!.bytes('dht.file.hashed-subvol.file1')!).toString()).toBe(hashed.name);
    expect(children.flatMap(({ calls }) => calls)).toEqual([]);
  });
});
