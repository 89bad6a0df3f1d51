import { GlfsError } from '../../../errors.ts';
import type { CallContext, Fd, Inode, Reply } from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import { emptyIatt } from '../../../protocol/iatt.ts';
import { CLEAR_PREFIX, clearLocks, INTERRUPT_PREFIX, parseClear, summaryOf } from './clear.ts';
import { isInternal } from './data-fops.ts';
import { moveLocks } from './lk.ts';
import type { LockTable } from './lock-table.ts';
import { FdNumbers, LOCKINFO } from './lockinfo.ts';

/** Attributes by which GlusterFS turns fencing on, and by which a rebalance stops locks from being granted: not had here. */
const refused = new Set([
  'trusted.glusterfs.enforce-mandatory-lock',
  'glusterfs.lock-migration-meta-lock',
  'glusterfs.lock-migration-meta-unlock',
]);

/** The extended attributes that are commands to the locks of a brick. */
export class LockAttributes {
  private readonly numbers = new FdNumbers();

  constructor(
    /** What the brick is called in answers. */
    private readonly brick: string,
    private readonly table: LockTable,
  ) {}

  /** `undefined` where the name is none of these. @throws GlfsError EINVAL */
  get(name: string, inode: Inode, context: CallContext): Reply<'getxattr'> | undefined {
    return name.startsWith(CLEAR_PREFIX) ? this.clear(name, inode, context) : undefined;
  }

  getByFd(name: string, fd: Fd, context: CallContext): Reply<'fgetxattr'> | undefined {
    if (name.startsWith(CLEAR_PREFIX) || name.startsWith(INTERRUPT_PREFIX))
      return this.clear(name, fd.inode, context);
    if (name !== LOCKINFO) return undefined;
    const dict = new Dict();
    if (this.table.find(fd.inode.gfid)?.posix.hasLocksOf(fd) === true)
      dict.setBytes(LOCKINFO, this.numbers.describe(this.brick, fd));
    return answer(dict);
  }

  private clear(name: string, inode: Inode, context: CallContext): Reply<'getxattr'> {
    const command = parseClear(name);
    const interrupt = name.startsWith(INTERRUPT_PREFIX);
    if (interrupt && isInternal(context)) throw new GlfsError('EINVAL', 'an internal call interrupts nobody');
    const file = this.table.find(inode.gfid);
    const caller = interrupt ? { client: context.client, pid: context.pid } : undefined;
    const dropped = file === undefined ? { granted: 0, blocked: 0 } : clearLocks(file, command, caller);
    return answer(new Dict().setEntry(name, { type: 'str', value: summaryOf(this.brick, command, dropped) }));
  }

  /** The locks of another fd of the caller's go on under `fd`; what is left of `dict` goes on to the file. */
  takeOver(fd: Fd, dict: Dict | undefined, context: CallContext): Dict | undefined {
    const value = dict?.bytes(LOCKINFO);
    if (dict === undefined || value === undefined) return dict;
    const file = this.table.find(fd.inode.gfid);
    const from = this.numbers.resolve(this.brick, value);
    if (file !== undefined && from !== undefined) moveLocks(file, from, fd, context);
    const rest = dict.clone();
    rest.delete(LOCKINFO);
    return rest;
  }

  forget(fd: Fd): void {
    this.numbers.forget(fd);
  }

  /** @throws GlfsError EINVAL */
  checkSet(dict: Dict | undefined): void {
    for (const name of dict?.names() ?? []) this.checkName(name);
  }

  /** @throws GlfsError EINVAL */
  checkName(name: string): void {
    if (refused.has(name)) throw new GlfsError('EINVAL', `${name} needs an option that is off`);
  }
}

function answer(dict: Dict): Reply<'getxattr'> {
  return { dict, prestat: emptyIatt(), poststat: emptyIatt() };
}
