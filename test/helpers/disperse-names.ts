import { Fd, Inode, type Reply, rootContext } from '../../src/graph/index.ts';
import { Dict } from '../../src/protocol/dict.ts';
import { newGfid, ROOT_GFID } from '../../src/protocol/gfid.ts';
import { keys } from '../../src/protocol/keys.ts';
import { OpenFlag } from '../../src/protocol/messages.ts';
import { parts } from '../../src/xlators/cluster/disperse/fops.ts';
import { readCounters } from '../../src/xlators/cluster/disperse/lock/counters.ts';
import type { DisperseState } from '../../src/xlators/cluster/disperse/state.ts';

/* Fops of disperse by name, as a translator above would call them, and what single subvolumes hold after. */

export const root = new Inode(ROOT_GFID, 'directory');
const context = rootContext();

export function find(state: DisperseState, name: string, parent = root): Promise<Reply<'lookup'>> {
  return parts.lookup(state, { loc: { inode: new Inode(), parent, name }, flags: 0 }, context);
}

/** The inode that a name stands for. */
export async function inodeOf(state: DisperseState, name: string, parent = root): Promise<Inode> {
  const { stat } = await find(state, name, parent);
  const inode = new Inode();
  inode.learn(stat);
  return inode;
}

export async function create(
  state: DisperseState,
  name: string,
  { flags = 0, parent = root }: { flags?: number; parent?: Inode } = {},
): Promise<{ inode: Inode; fd: Fd; reply: Reply<'create'> }> {
  const inode = new Inode();
  const fd = new Fd(inode, OpenFlag.RDWR);
  const loc = { inode, parent, name };
  const xdata = new Dict().set(keys.gfidRequest, newGfid());
  const all = OpenFlag.RDWR | OpenFlag.CREAT | flags;
  const reply = await parts.create(state, { loc, fd, flags: all, mode: 0o100644, umask: 0, xdata }, context);
  return { inode, fd, reply };
}

export async function mkdir(state: DisperseState, name: string, parent = root): Promise<Inode> {
  const inode = new Inode();
  await parts.mkdir(state, { loc: { inode, parent, name }, mode: 0o755, umask: 0 }, context);
  return inode;
}

export async function write(state: DisperseState, fd: Fd, bytes: Uint8Array, offset = 0): Promise<void> {
  await parts.write(state, { fd, offset, size: bytes.length, flags: 0, data: [bytes] }, context);
}

/** Whether each subvolume has the name; undefined for those that are away. */
export function existsOn(
  state: DisperseState,
  name: string,
  parent = root,
): Promise<(boolean | undefined)[]> {
  return Promise.all(
    state.children.map((child) =>
      child.lookup({ loc: { inode: new Inode(), parent, name }, flags: 0 }, context).then(
        () => true,
        ({ code }: { code: string }) => (code === 'ENOTCONN' ? undefined : false),
      ),
    ),
  );
}

/** Each subvolume's counters, as text; undefined for those that are away, or lack the file. */
export async function countersOn(state: DisperseState, inode: Inode): Promise<(string | undefined)[]> {
  await state.locks.settle(inode);
  return Promise.all(
    state.children.map((child) =>
      child.getxattr({ loc: { inode }, name: '' }, context).then(
        ({ dict }) => {
          const { version, size, dirty, config } = readCounters(dict ?? new Dict());
          return `version ${version} size ${size} dirty ${dirty} config ${config?.toString(16)}`;
        },
        () => undefined,
      ),
    ),
  );
}
