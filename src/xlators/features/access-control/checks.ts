import type { Fd, Request } from '../../../graph/index.ts';
import type { Dict } from '../../../protocol/dict.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { gfidEquals } from '../../../protocol/gfid.ts';
import { isDirectory, S_IFBLK, S_IFCHR, S_IFMT } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import { aclAttributes } from '../../../protocol/posix-acl.ts';
import type { Gate } from './gate.ts';
import { type Facts, Want } from './permits.ts';
import { type Change, obstacle } from './setattr.ts';

/** Throws what stands against a call. */
export type Check<K extends FopName> = (gate: Gate, request: Request<K>) => Promise<void>;
type Checks = { readonly [K in FopName]?: Check<K> };

/** GlusterFS's mark of a file that is opened to be executed (FMODE_EXEC). */
const FOR_EXECUTION = 0o40;
/** pid of calls that GlusterFS's NFS server makes. */
const NFS_PID = 1;

const aclNames: ReadonlySet<string> = new Set([
  ...Object.values(aclAttributes),
  'glusterfs.posix.acl',
  'glusterfs.posix.default_acl',
]);

export function isAcl(name: string): boolean {
  return aclNames.has(name);
}

/**
 * What each fop asks of a caller without privileges. What is not in the table needs nothing: attributes, link targets and
 * calls on fds that were opened, and were checked then.
 */
export const checks: Checks = {
  async lookup(gate, { loc }) {
    if (loc.parent !== undefined) await gate.needOn(loc.parent, Want.EXECUTE);
  },

  async open(gate, { loc, flags }) {
    await gate.needOn(loc.inode, wantedBy(flags));
  },
  async opendir(gate, { loc }) {
    await gate.needOn(loc.inode, Want.READ);
  },
  async readdir(gate, { fd }) {
    await gate.needOn(fd.inode, Want.READ);
  },
  async readdirp(gate, { fd }) {
    await gate.needOn(fd.inode, Want.READ);
  },

  async create(gate, { loc, flags, xdata }) {
    needToMakeWith(gate, xdata);
    await gate.needEntries(loc);
    // Without O_EXCL it is an open, too, where the file is there already.
    const existing = (flags & OpenFlag.EXCL) === 0 ? await gate.named(loc) : undefined;
    if (existing !== undefined) gate.need(existing, wantedBy(flags));
  },
  async mknod(gate, { loc, mode, xdata }) {
    needToMakeWith(gate, xdata);
    await gate.needEntries(loc);
    const type = mode & S_IFMT;
    if (type === S_IFBLK || type === S_IFCHR) gate.refuse('EPERM', 'devices are made by root');
  },
  async mkdir(gate, { loc, xdata }) {
    needToMakeWith(gate, xdata);
    await gate.needEntries(loc);
  },
  async symlink(gate, { loc, xdata }) {
    needToMakeWith(gate, xdata);
    await gate.needEntries(loc);
  },
  async link(gate, { loc, newLoc }) {
    // As GlusterFS, and as fs.protected_hardlinks: a sticky directory takes only links to one's own files.
    if (gate.isStuck(await gate.needEntries(newLoc))) gate.needMine(await gate.of(loc.inode));
  },
  async unlink(gate, { loc }) {
    await gate.needUnstuck(await gate.needEntries(loc), loc);
  },
  async rmdir(gate, { loc }) {
    await gate.needUnstuck(await gate.needEntries(loc), loc);
  },
  async rename(gate, { loc, newLoc }) {
    const source = await gate.needEntries(loc);
    const target = await gate.needEntries(newLoc);
    await gate.needUnstuck(source, loc);
    await gate.needUnstuck(target, newLoc);
    if (gfidEquals(loc.parent!.gfid, newLoc.parent!.gfid)) return;
    // Its `..` changes.
    const moved = await gate.named(loc);
    if (moved !== undefined && isDirectory(moved)) gate.need(moved, Want.WRITE);
  },

  async truncate(gate, { loc }) {
    const facts = await gate.of(loc.inode);
    // NFS has no open: the owner may finish what was begun when the mode still allowed it.
    if (gate.context.pid !== NFS_PID || !gate.owns(facts)) gate.need(facts, Want.WRITE);
  },
  async setattr(gate, request) {
    needToChange(gate, request, await gate.of(request.loc.inode));
  },
  async fsetattr(gate, request) {
    needToChange(gate, request, await gate.of(request.fd.inode));
  },

  async setxattr(gate, { loc, dict, xdata }) {
    needToSet(gate, await gate.of(loc.inode), [...(dict?.names() ?? [])], xdata);
  },
  async fsetxattr(gate, { fd, dict, xdata }) {
    needToSet(gate, await gate.of(fd.inode), [...(dict?.names() ?? [])], xdata);
  },
  async removexattr(gate, { loc, name, xdata }) {
    needToSet(gate, await gate.of(loc.inode), removedBy(name, xdata), xdata);
  },
  async fremovexattr(gate, { fd, name, xdata }) {
    needToSet(gate, await gate.of(fd.inode), removedBy(name, xdata), xdata);
  },
  async getxattr(gate, { loc, name }) {
    if (!isAcl(name)) await gate.needOn(loc.inode, Want.READ);
  },

  // Anonymous fds were never opened, so nothing was checked yet.
  read: (gate, { fd }) => unopened(gate, fd, Want.READ),
  write: (gate, { fd }) => unopened(gate, fd, Want.WRITE),
  ftruncate: (gate, { fd }) => unopened(gate, fd, Want.WRITE),
  fallocate: (gate, { fd }) => unopened(gate, fd, Want.WRITE),
  discard: (gate, { fd }) => unopened(gate, fd, Want.WRITE),
  zerofill: (gate, { fd }) => unopened(gate, fd, Want.WRITE),
  rchecksum: (gate, { fd }) => unopened(gate, fd, Want.READ),
  seek: (gate, { fd }) => unopened(gate, fd, Want.READ),
  async copyFileRange(gate, { source, target }) {
    await unopened(gate, source, Want.READ);
    await unopened(gate, target, Want.WRITE);
  },
};

function wantedBy(flags: number): number {
  const mode = flags & OpenFlag.ACCMODE;
  const changes = (flags & (OpenFlag.TRUNC | OpenFlag.APPEND)) !== 0 ? Want.WRITE : 0;
  if (mode === OpenFlag.RDONLY) return changes | ((flags & FOR_EXECUTION) !== 0 ? Want.EXECUTE : Want.READ);
  return mode === OpenFlag.WRONLY ? Want.WRITE : Want.READ | Want.WRITE;
}

/**
 * Clients go by gfid while they have lost an fd of theirs: an owner who took permissions from the file after opening it
 * must not fail then.
 */
async function unopened(gate: Gate, fd: Fd, want: number): Promise<void> {
  if (!fd.anonymous) return;
  const facts = await gate.of(fd.inode);
  if (!gate.owns(facts)) gate.need(facts, want);
}

function needToChange(gate: Gate, request: Change, facts: Facts): void {
  const code = obstacle(request, facts, gate.context);
  if (code !== undefined) gate.refuse(code, 'the file is another’s');
}

/** Without a name all go that xdata names. */
function removedBy(name: string, xdata: Dict | undefined): readonly string[] {
  return name === '' ? [...(xdata?.names() ?? [])] : [name];
}

/**
 * What kernels of clients believe: capabilities of programs, signatures. Labels of SELinux are the owner's to set, as far as his
 * own kernel lets him.
 */
function isOfKernel(name: string): boolean {
  return name.startsWith('security.') && name !== 'security.selinux';
}

/** A file may be made together with its attributes. */
function needToMakeWith(gate: Gate, xdata: Dict | undefined): void {
  if ([...(xdata?.names() ?? [])].some(isOfKernel)) gate.refuse('EPERM', 'security.* is for root');
}

/** ACLs are the owner's, trusted.* is root's (and that of translators' own calls), the rest is whose the contents are. */
function needToSet(gate: Gate, facts: Facts, names: readonly string[], xdata: Dict | undefined): void {
  if (names.some(isOfKernel)) gate.refuse('EPERM', 'security.* is for root');
  if (names.some(isAcl) && !gate.owns(facts)) gate.refuse('EPERM', 'the ACL of another’s file');
  const trusted = names.some((name) => name.startsWith('trusted.'));
  if (trusted && !xdata?.has(keys.internalFop)) gate.refuse('EPERM', 'trusted.* is for root');
  if (!names.every(isAcl)) gate.need(facts, Want.WRITE);
}
