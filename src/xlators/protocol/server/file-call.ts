import { GlfsError } from '../../../errors.ts';
import { type CallContext, Fd, type Inode, type Loc, type Reply } from '../../../graph/index.ts';
import type { Target } from '../../../protocol/fop-row.ts';
import { type FopName, fops } from '../../../protocol/fops.ts';
import type { Gfid } from '../../../protocol/gfid.ts';
import { OpenFlag } from '../../../protocol/messages.ts';
import type { BrickClient } from './client.ts';
import { argumentsOf, type WireRequest } from './decode.ts';
import { OpenFd } from './fd-table.ts';
import { Resolver } from './resolve.ts';

/** Numbers for no fd in particular: the file is meant by its gfid. */
const ANONYMOUS = -2n;
/** Bytes that one READ, or RCHECKSUM, may ask for; what is longer is EINVAL. */
export const MAX_READ = 128 << 20;
/** Bytes that a listing may have; more is cut, the next call goes on from there. */
const MAX_LISTING = 1 << 20;

type Fields = Record<string, unknown>;

/** What a call of a client works on. */
interface Scene {
  readonly client: BrickClient;
  readonly resolver: Resolver;
  readonly fop: FopName;
  readonly uses: OpenFd[];
}

const gfidOf = (fields: Fields, name: string): Gfid => fields[name] as Gfid;
const textOf = (fields: Fields, name: string): string => fields[name] as string;

/** How each target's fields become a Loc or an Fd. */
const builders: Readonly<Record<Target, (fields: Fields, scene: Scene) => Promise<Fields>>> = {
  inode: async (fields, { resolver }) => ({ loc: { inode: await resolver.inode(gfidOf(fields, 'gfid')) } }),
  open: async (fields, { resolver, client }) => {
    client.fds.requireRoom();
    const inode = await resolver.inode(gfidOf(fields, 'gfid'));
    const flags = (fields.flags as number | undefined) ?? OpenFlag.DIRECTORY;
    return { loc: { inode }, fd: new Fd(inode, flags) };
  },
  fd: async (fields, scene) => ({
    fd: await openFile(fields.fd as bigint, fields.gfid as Gfid | undefined, scene),
  }),
  lookup: async (fields, { resolver }) => {
    const name = textOf(fields, 'bname');
    if (name === '') return { loc: { inode: resolver.hint(gfidOf(fields, 'gfid')) } };
    return { loc: await resolver.guess(gfidOf(fields, 'pargfid'), name) };
  },
  entry: async (fields, { resolver, fop }) => {
    const removes = fop === 'unlink' || fop === 'rmdir';
    const [parent, name] = [gfidOf(fields, 'pargfid'), textOf(fields, 'bname')];
    return { loc: await (removes ? resolver.existing(parent, name) : resolver.fresh(parent, name)) };
  },
  create: async (fields, { resolver, client }) => {
    client.fds.requireRoom();
    const loc = await resolver.fresh(gfidOf(fields, 'pargfid'), textOf(fields, 'bname'));
    return { loc, fd: new Fd(loc.inode, fields.flags as number) };
  },
  link: async (fields, { resolver }) => {
    const inode = await resolver.inode(gfidOf(fields, 'oldgfid'));
    const name = textOf(fields, 'newbname');
    const parent = await resolver.parent(gfidOf(fields, 'newgfid'), name);
    return { loc: { inode }, newLoc: { inode, parent, name } };
  },
  rename: async (fields, { resolver }) => {
    const loc = await resolver.existing(gfidOf(fields, 'oldgfid'), textOf(fields, 'oldbname'));
    const newLoc = await resolver.possible(gfidOf(fields, 'newgfid'), textOf(fields, 'newbname'));
    return { loc, newLoc };
  },
  copy: async (fields, scene) => {
    const source = await openFile(fields.fdIn as bigint, gfidOf(fields, 'gfid1'), scene);
    const target = await openFile(fields.fdOut as bigint, gfidOf(fields, 'gfid2'), scene);
    return { source, target };
  },
  none: async () => ({}),
};

/** The open file of a number. As bricks do, it goes before whatever gfid came along. */
async function openFile(
  number: bigint,
  gfid: Gfid | undefined,
  { client, resolver, uses }: Scene,
): Promise<Fd> {
  if (number === ANONYMOUS && gfid !== undefined) {
    return new Fd(await resolver.inode(gfid, 'ENOENT'), OpenFlag.RDWR, true);
  }
  const open = client.fds.get(Number(number));
  if (open === undefined) throw new GlfsError('EBADF', `no open file ${number}`);
  // From now on, so that a RELEASE that overtakes the call waits for it.
  open.enter();
  uses.push(open);
  return open.fd;
}

/**
 * Turns a request of the wire into one for translators. The open files that it is about are entered and added to `uses`.
 * @throws GlfsError what bricks say of files that aren't there, and of arguments that none can take.
 */
export async function resolveRequest(
  fop: FopName,
  wire: WireRequest,
  client: BrickClient,
  context: CallContext,
  uses: OpenFd[],
): Promise<Fields> {
  const resolver = new Resolver(client.export, client.rootGfid, context);
  const given = argumentsOf(fop, wire);
  if ((fop === 'read' || fop === 'rchecksum') && (given.size as number) > MAX_READ)
    throw new GlfsError('EINVAL', `${fop} of too many bytes`);
  if (fop === 'readdir' || fop === 'readdirp') given.size = Math.min(given.size as number, MAX_LISTING);
  const target = await builders[fops[fop].target](wire.fields, { client, resolver, fop, uses });
  return { ...given, ...target };
}

type After = (request: Fields, reply: Fields, client: BrickClient) => Fields | undefined;

/** A file that the call made or found bears a name from now on. */
const named: After = ({ loc, newLoc }, reply, client) => {
  const { parent, name, inode } = (newLoc ?? loc) as Loc;
  const { stat } = reply as unknown as Reply<'mkdir'>;
  if (stat !== undefined) client.export.table.linkEntry(parent!, name!, inode, stat);
  return undefined;
};

const removed: After = ({ loc }, _reply, client) => {
  const { parent, name } = loc as Loc;
  client.export.table.unlinkEntry(parent!, name!);
  return undefined;
};

function opened(client: BrickClient, fd: Fd, inode: Inode): Fields {
  const open = new OpenFd(fd, inode);
  try {
    return { remoteFd: BigInt(client.fds.add(open)) };
  } catch (error) {
    open.unpin();
    throw error;
  }
}

const open: After = ({ fd }, _reply, client) => opened(client, fd as Fd, (fd as Fd).inode);

/** What the server keeps of a call that succeeded; what is returned goes into the reply. */
export const afterwards: Partial<Record<FopName, After>> = {
  mknod: named,
  mkdir: named,
  symlink: named,
  link: named,
  unlink: removed,
  rmdir: removed,
  open,
  opendir: open,
  create: ({ loc, fd }, reply, client) => {
    const { parent, name, inode } = loc as Loc;
    const { stat } = reply as unknown as Reply<'create'>;
    return opened(client, fd as Fd, client.export.table.linkEntry(parent!, name!, inode, stat));
  },
  rename: ({ loc, newLoc }, _reply, client) => {
    const [from, to] = [loc as Loc, newLoc as Loc];
    client.export.table.renameEntry(from.parent!, from.name!, to.parent!, to.name!, from.inode);
    return undefined;
  },
  readdirp: (_request, reply, client) => {
    for (const { inode, stat } of (reply as unknown as Reply<'readdirp'>).entries) {
      if (inode !== undefined && stat !== undefined) client.export.table.link(inode, stat);
    }
    return undefined;
  },
};
