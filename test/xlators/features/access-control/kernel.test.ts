import {
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toGlfsError } from '../../../../src/errors.ts';
import { Fd, rootContext } from '../../../../src/graph/index.ts';
import { emptyIatt, type Iatt } from '../../../../src/protocol/iatt.ts';
import { SetattrValid } from '../../../../src/protocol/messages.ts';
import {
  ACL_NO_ID,
  type Ace,
  AclTag,
  aclAttributes,
  encodeAces,
} from '../../../../src/protocol/posix-acl.ts';
import { syscalls } from '../../../../src/syscalls.ts';
import { AccessDisk } from '../../../helpers/access-disk.ts';

const native = syscalls();
const isRoot = process.getuid?.() === 0 && process.seteuid !== undefined;

interface Caller {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}
const callers: readonly Caller[] = [
  { uid: 1001, gid: 1001, groups: [] },
  { uid: 1002, gid: 1002, groups: [] },
  { uid: 1002, gid: 1001, groups: [] },
  { uid: 1005, gid: 1005, groups: [1001] },
  { uid: 1005, gid: 1005, groups: [1003, 1004] },
  { uid: 1007, gid: 1007, groups: [] },
  { uid: 0, gid: 0, groups: [] },
];
const modes = [
  0o000, 0o400, 0o040, 0o004, 0o640, 0o604, 0o077, 0o707, 0o770, 0o222, 0o111, 0o755, 0o1777, 0o1730, 0o2770,
];

const modesWithAcl = [0o640, 0o707, 0o770, 0o1730];

const ace = (tag: number, permissions: number, id = ACL_NO_ID): Ace => ({ tag, permissions, id });
const { USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER } = AclTag;
const acls: readonly (readonly [string, readonly Ace[]])[] = [
  ['no ACL', []],
  ['a user, masked', [ace(USER, 7, 1002), ace(GROUP_OBJ, 5), ace(MASK, 5)]],
  ['a user shut out', [ace(USER, 0, 1002), ace(GROUP_OBJ, 7), ace(MASK, 7)]],
  ['two groups', [ace(GROUP_OBJ, 0), ace(GROUP, 4, 1003), ace(GROUP, 3, 1004), ace(MASK, 7)]],
  // With a mask of nothing Linux doesn't look at the ACL at all: that is a shortcut of its own.
  ['a mask of execution', [ace(USER, 7, 1005), ace(GROUP_OBJ, 7), ace(MASK, 1)]],
];

/** As the kernel sees it: what it says to that caller. */
function asCaller(caller: Caller, act: () => void): string {
  const groups = process.getgroups!();
  try {
    process.setgroups!([...caller.groups]);
    process.setegid!(caller.gid);
    process.seteuid!(caller.uid);
    act();
    return 'allowed';
  } catch (error) {
    return toGlfsError(error).code;
  } finally {
    process.seteuid!(0);
    process.setegid!(0);
    process.setgroups!(groups);
  }
}

let top = '';
beforeAll(() => {
  top = mkdtempSync(join(tmpdir(), 'glfs-access-'));
  chmodSync(top, 0o755);
});
afterAll(() => rmSync(top, { recursive: true, force: true }));

function setAcl(path: string, entries: readonly Ace[]): void {
  if (entries.length === 0) return;
  const { mode } = lstatSync(path);
  const all = [ace(USER_OBJ, (mode >> 6) & 7), ...entries, ace(OTHER, mode & 7)];
  native!.setxattr(Buffer.from(path), Buffer.from(aclAttributes.access), encodeAces(all), 0);
}

interface Scene {
  readonly disk: AccessDisk;
  /** A file and a directory with the mode and the ACL in question, both 1001's. */
  readonly file: string;
  readonly directory: string;
  /** A directory that is open to everyone. */
  readonly open: string;
}

function scene(name: string, mode: number, entries: readonly Ace[]): Scene {
  const open = join(top, name);
  mkdirSync(open);
  chmodSync(open, 0o777);
  const file = join(open, 'file');
  const directory = join(open, 'directory');
  writeFileSync(file, 'x');
  mkdirSync(directory);
  mkdirSync(join(directory, 'theirs'));
  writeFileSync(join(directory, 'theirs-file'), '');
  chownSync(join(directory, 'theirs'), 1007, 1007);
  chownSync(join(directory, 'theirs-file'), 1007, 1007);
  for (const path of [file, directory]) {
    chownSync(path, 1001, 1001);
    chmodSync(path, mode);
    setAcl(path, entries);
  }
  return { disk: new AccessDisk(), file, directory, open };
}

type Act = (scene: Scene, context: ReturnType<typeof rootContext>) => Promise<unknown>;
/** Name; what the kernel is asked, with its undoing by root; what the translator is asked. */
interface Case {
  readonly name: string;
  kernel(scene: Scene, caller: Caller): void;
  undo?(scene: Scene): void;
  readonly ours: Act;
}

const opening = (flags: string, wire: number): Case => ({
  name: `open ${flags}`,
  kernel: ({ file }) => closeSync(openSync(file, flags)),
  ours: ({ disk, file }, context) => {
    const inode = disk.inode(file);
    return disk.volume.open({ loc: { inode }, fd: new Fd(inode, wire), flags: wire }, context);
  },
});

const setattr = (
  name: string,
  valid: number,
  values: (caller: Caller) => Partial<Iatt>,
  kernel: (file: string, caller: Caller) => void,
): Case => ({
  name,
  kernel: ({ file }, caller) => kernel(file, caller),
  ours: ({ disk, file }, context) =>
    disk.volume.setattr(
      { loc: { inode: disk.inode(file) }, stat: { ...emptyIatt(), ...values(context) }, valid },
      context,
    ),
});

const cases: readonly Case[] = [
  opening('r', 0),
  opening('r+', 2),
  opening('a', 1 | 0o2000),
  {
    name: 'list',
    kernel: ({ directory }) => void readdirSync(directory),
    ours: ({ disk, directory }, context) => {
      const inode = disk.inode(directory);
      return disk.volume.opendir({ loc: { inode }, fd: new Fd(inode, 0) }, context);
    },
  },
  {
    name: 'lookup',
    kernel: ({ directory }) => void lstatSync(join(directory, 'theirs')),
    ours: ({ disk, directory }, context) =>
      disk.volume.lookup({ loc: disk.entry(directory, 'theirs'), flags: 0 }, context),
  },
  {
    name: 'create',
    kernel: ({ directory }) => closeSync(openSync(join(directory, 'new'), 'wx')),
    undo: ({ directory }) => rmSync(join(directory, 'new'), { force: true }),
    ours: ({ disk, directory }, context) => {
      const loc = disk.entry(directory, 'new');
      const fd = new Fd(loc.inode, 0o301);
      return disk.volume.create({ loc, fd, flags: 0o301, mode: 0o644, umask: 0 }, context);
    },
  },
  {
    name: 'create on a file that is there',
    kernel: ({ open }) => closeSync(openSync(join(open, 'file'), 'w')),
    ours: ({ disk, open }, context) => {
      const loc = disk.entry(open, 'file');
      const fd = new Fd(loc.inode, 0o1101);
      return disk.volume.create({ loc, fd, flags: 0o1101, mode: 0o644, umask: 0 }, context);
    },
  },
  {
    name: 'mkdir',
    kernel: ({ directory }) => void mkdirSync(join(directory, 'new')),
    undo: ({ directory }) => rmSync(join(directory, 'new'), { recursive: true, force: true }),
    ours: ({ disk, directory }, context) =>
      disk.volume.mkdir({ loc: disk.entry(directory, 'new'), mode: 0o755, umask: 0 }, context),
  },
  {
    name: 'symlink',
    kernel: ({ directory }) => symlinkSync('x', join(directory, 'new')),
    undo: ({ directory }) => rmSync(join(directory, 'new'), { force: true }),
    ours: ({ disk, directory }, context) =>
      disk.volume.symlink({ loc: disk.entry(directory, 'new'), target: 'x', umask: 0 }, context),
  },
  {
    name: 'unlink',
    kernel: ({ directory }) => unlinkSync(join(directory, 'theirs-file')),
    undo: ({ directory }) => {
      writeFileSync(join(directory, 'theirs-file'), '');
      chownSync(join(directory, 'theirs-file'), 1007, 1007);
    },
    ours: ({ disk, directory }, context) =>
      disk.volume.unlink({ loc: disk.entry(directory, 'theirs-file'), xflags: 0 }, context),
  },
  {
    name: 'rmdir',
    kernel: ({ directory }) => rmdirSync(join(directory, 'theirs')),
    undo: ({ directory }) => {
      mkdirSync(join(directory, 'theirs'), { recursive: true });
      chownSync(join(directory, 'theirs'), 1007, 1007);
    },
    ours: ({ disk, directory }, context) =>
      disk.volume.rmdir({ loc: disk.entry(directory, 'theirs'), xflags: 0 }, context),
  },
  {
    name: 'rename within',
    kernel: ({ directory }) => renameSync(join(directory, 'theirs-file'), join(directory, 'moved')),
    undo: ({ directory }) => {
      try {
        renameSync(join(directory, 'moved'), join(directory, 'theirs-file'));
      } catch {
        // It had not moved.
      }
    },
    ours: ({ disk, directory }, context) =>
      disk.volume.rename(
        { loc: disk.entry(directory, 'theirs-file'), newLoc: disk.entry(directory, 'moved') },
        context,
      ),
  },
  {
    name: 'rename of a directory to elsewhere',
    kernel: ({ directory, open }) => renameSync(join(directory, 'theirs'), join(open, 'moved')),
    undo: ({ directory, open }) => {
      try {
        renameSync(join(open, 'moved'), join(directory, 'theirs'));
      } catch {
        // It had not moved.
      }
    },
    ours: ({ disk, directory, open }, context) =>
      disk.volume.rename(
        { loc: disk.entry(directory, 'theirs'), newLoc: disk.entry(open, 'moved') },
        context,
      ),
  },
  setattr(
    'chmod',
    SetattrValid.MODE,
    () => ({ mode: 0o600 }),
    (file) => chmodSync(file, lstatSync(file).mode & 0o7777),
  ),
  setattr(
    'chown to oneself',
    SetattrValid.UID,
    ({ uid }) => ({ uid }),
    (file, { uid }) => chownSync(file, uid, 0xffff_ffff),
  ),
  setattr(
    'chgrp to one’s own',
    SetattrValid.GID,
    ({ gid }) => ({ gid }),
    (file, { gid }) => chownSync(file, 0xffff_ffff, gid),
  ),
  setattr(
    'chgrp to a stranger’s',
    SetattrValid.GID,
    () => ({ gid: 1099 }),
    (file) => chownSync(file, 0xffff_ffff, 1099),
  ),
  setattr(
    'utimes',
    SetattrValid.ATIME | SetattrValid.MTIME,
    () => ({ atime: 1n, mtime: 1n }),
    (file) => utimesSync(file, 1, 1),
  ),
];

/** What both are asked about hard links depends on fs.protected_hardlinks, which says what GlusterFS says. */
async function verdict(act: Promise<unknown>): Promise<string> {
  try {
    await act;
    return 'allowed';
  } catch (error) {
    return toGlfsError(error).code;
  }
}

// The kernel is asked as other users, and only root can become them.
describe.skipIf(!isRoot)('access control against the kernel (needs root)', () => {
  it.each(
    acls.flatMap(([name, entries], index) =>
      (entries.length > 0 ? modesWithAcl : modes).map((mode) => ({ name, entries, mode, index })),
    ),
  )('$name, mode $mode', async ({ entries, mode, index }) => {
    // Without the addon there is no way to set an ACL here; the modes are compared all the same.
    if (entries.length > 0 && native === undefined) return;
    const setting = scene(`${index}-${mode.toString(8)}`, mode, entries);
    const differences: string[] = [];
    for (const caller of callers)
      for (const { name, kernel, undo, ours } of cases) {
        const context = rootContext({ ...caller, pid: 100 });
        const got = await verdict(ours(setting, context));
        const says = asCaller(caller, () => kernel(setting, caller));
        undo?.(setting);
        restore(setting, mode, entries);
        if (!agrees(name, got, says, mode))
          differences.push(`${name} by ${JSON.stringify(caller)}: ${got}, kernel ${says}`);
      }
    expect(differences).toEqual([]);
  });
});

/** In sticky directories, and of times set by those who may not even write, GlusterFS says EACCES for the kernel's EPERM. */
function agrees(name: string, got: string, says: string, mode: number): boolean {
  if (got === says) return true;
  return ((mode & 0o1000) !== 0 || name === 'utimes') && got === 'EACCES' && says === 'EPERM';
}

function restore({ file }: Scene, mode: number, entries: readonly Ace[]): void {
  const { uid, gid } = lstatSync(file);
  if (uid === 1001 && gid === 1001) return;
  chownSync(file, 1001, 1001);
  chmodSync(file, mode);
  setAcl(file, entries);
}

// As above: as other users.
describe.skipIf(!isRoot)('links into sticky directories (needs root)', () => {
  it('are for one’s own files, as fs.protected_hardlinks has it', async () => {
    const { disk, open, file } = scene('links', 0o600, []);
    const sticky = join(open, 'sticky');
    mkdirSync(sticky);
    chmodSync(sticky, 0o1777);
    const link = (uid: number) =>
      verdict(
        disk.volume.link(
          { loc: { inode: disk.inode(file) }, newLoc: disk.entry(sticky, 'linked') },
          rootContext({ uid, gid: uid, pid: 100 }),
        ),
      );
    expect(await link(1001)).toBe('allowed');
    expect(asCaller(callers[0]!, () => linkSync(file, join(sticky, 'linked')))).toBe('allowed');
    expect(await link(1002)).toBe('EACCES');
  });
});
