/*
 * The promise: every file that a heal may be pending for is found by looking into one directory. A file is entered before
 * the attribute that says so is written, and leaves after the attribute is zero again, so that a crash between the two leaves
 * an entry too many and never one too few. The failure that it hides: heal daemons would have to crawl the whole brick.
 *
 * Clients see the index as directories with gfids of their own, which they ask for by GETXATTR.
 */
import { GlfsError } from '../../../errors.ts';
import {
  asRoot,
  type CallContext,
  type DirectoryEntry,
  type FopFunction,
  Inode,
  type Reply,
  type Request,
  Translator,
  type TranslatorSetup,
  type TranslatorType,
} from '../../../graph/index.ts';
import { Dict } from '../../../protocol/dict.ts';
import type { FopName } from '../../../protocol/fops.ts';
import { type Gfid, gfidKey } from '../../../protocol/gfid.ts';
import { emptyIatt } from '../../../protocol/iatt.ts';
import { keys } from '../../../protocol/keys.ts';
import { encodeText } from '../../../xdr/index.ts';
import { options } from './options.ts';
import { below, IndexStore } from './store.ts';
import { parsed, typed, VirtualDirectories, type VirtualDirectory } from './virtual.ts';
import { type Kind, Watchlist } from './watchlist.ts';

/** Attributes that GETXATTR answers from here. */
const gfidAttributes: ReadonlyMap<string, Kind> = new Map([
  ['glusterfs.xattrop_index_gfid', 'xattrop'],
  ['glusterfs.xattrop_dirty_gfid', 'dirty'],
  ['glusterfs.xattrop_entry_changes_gfid', 'entry-changes'],
]);
const PENDING_COUNT = 'glusterfs.xattrop_index_count';
const countAttributes: ReadonlyMap<string, Kind> = new Map([
  [PENDING_COUNT, 'xattrop'],
  ['glusterfs.xattrop_dirty_count', 'dirty'],
]);

/** ia_type of files and directories. */
const IaType = { FILE: 1, DIRECTORY: 2 } as const;

const makes: ReadonlySet<FopName> = new Set(['create', 'mkdir', 'mknod', 'symlink', 'lookup']);

type Xattrop = 'xattrop' | 'fxattrop';
type Removal = 'unlink' | 'rmdir';

export class Index extends Translator<typeof options> {
  private readonly watchlist: Watchlist;
  private readonly store: IndexStore;
  private readonly virtual: VirtualDirectories;
  /** By gfid: the last of the xattrops under way, which go one after the other. */
  private readonly last = new Map<string, Promise<unknown>>();

  constructor(setup: TranslatorSetup<typeof options>) {
    super(setup);
    const base = this.options['index-base'];
    if (base === undefined)
      throw new GlfsError('EINVAL', 'features/index needs the option index-base', { translator: this.name });
    this.watchlist = new Watchlist(this.options);
    this.store = new IndexStore(Buffer.from(encodeText(base)));
    this.virtual = new VirtualDirectories(this.store);
  }

  override async start(): Promise<void> {
    const dirty: Kind[] = this.watchlist.dirty.length > 0 ? ['dirty'] : [];
    this.store.start(['xattrop', ...dirty, 'entry-changes']);
  }

  async xattrop(request: Request<'xattrop'>, context: CallContext): Promise<Reply<'xattrop'>> {
    return this.indexed('xattrop', request.loc.inode.gfid, request, context);
  }
  async fxattrop(request: Request<'fxattrop'>, context: CallContext): Promise<Reply<'fxattrop'>> {
    return this.indexed('fxattrop', request.fd.inode.gfid, request, context);
  }

  private async indexed<K extends Xattrop>(
    fop: K,
    gfid: Gfid,
    request: Request<K>,
    context: CallContext,
  ): Promise<Reply<K>> {
    const child = this.child[fop] as unknown as FopFunction<K>;
    const { operation, dict, xdata } = request as unknown as Request<Xattrop>;
    if (!this.watchlist.tracks({ operation, dict })) return child(request, context);
    return this.inTurn(gfid, async () => {
      for (const [kind, some] of this.watchlist.verdicts(dict)) if (some) this.store.add(kind, gfid);
      const before = xdata?.get(keys.indexNameIn);
      if (before !== undefined) this.store.addName(gfid, before);
      const reply = await child(request, context);
      this.settle(gfid, operation, (reply as unknown as Reply<Xattrop>).dict, xdata);
      return reply;
    });
  }

  /** Brings the index in step with what the attributes are now. */
  private settle(gfid: Gfid, operation: number, result: Dict | undefined, xdata: Dict | undefined): void {
    const verdicts = this.watchlist.verdicts(result, operation);
    for (const [kind, some] of verdicts) {
      if (some) this.store.add(kind, gfid);
      else this.store.remove(kind, gfid);
    }
    const after = xdata?.get(keys.indexNameOut);
    if (after !== undefined) this.store.removeName(gfid, after);
    // GlusterFS's asks whether it is to only where the call has xdata at all.
    const asked = xdata === undefined || (xdata.get(keys.indexPurge) ?? 0) !== 0;
    const purge = asked && verdicts.get('xattrop') === false;
    if (purge && this.store.has('entry-changes', gfid)) this.removeChanges(gfid);
  }

  private removeChanges(gfid: Gfid): void {
    this.store.remove('entry-changes', gfid);
    this.virtual.forget(gfid);
  }

  /** Two xattrops of one file must not mix: the one's zero would take away the entry that the other has just made. */
  private async inTurn<T>(gfid: Gfid, run: () => Promise<T>): Promise<T> {
    const key = gfidKey(gfid);
    const mine = (this.last.get(key) ?? Promise.resolve()).then(run, run);
    this.last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.last.get(key) === mine) this.last.delete(key);
    }
  }

  async getxattr(request: Request<'getxattr'>, context: CallContext): Promise<Reply<'getxattr'>> {
    const { name } = request;
    const kind = gfidAttributes.get(name);
    const counted = countAttributes.get(name);
    const dict = new Dict();
    if (kind !== undefined) dict.setBytes(name, this.virtual.gfidOf(kind));
    else if (counted !== undefined)
      dict.setEntry(name, { type: 'uint', value: BigInt(this.store.count(counted)) });
    else return this.child.getxattr(request, context);
    return { dict, prestat: emptyIatt(), poststat: emptyIatt() };
  }

  /** A file with the gfid of one of these directories would take its place for everybody who knows it. */
  override intercept<K extends FopName>(fop: K, next: FopFunction<K>): FopFunction<K> {
    if (!makes.has(fop)) return next;
    return async (request, context) => {
      const wanted = (request as { xdata?: Dict }).xdata?.entry(keys.gfidRequest.name);
      const given = wanted?.type === 'gfuuid' || wanted?.type === 'bytes' ? wanted.value : undefined;
      if (given?.length === 16 && this.virtual.find(given) !== undefined)
        throw new GlfsError('EEXIST', 'the gfid is one of the index', { fop, translator: this.name });
      return next(request, context);
    };
  }

  async lookup(request: Request<'lookup'>, context: CallContext): Promise<Reply<'lookup'>> {
    const { inode, parent, name } = request.loc;
    const above = parent === undefined ? undefined : this.virtual.find(parent.gfid);
    if (above !== undefined && name !== undefined) {
      const stat = this.virtual.statEntry(above, name, inode);
      return { stat, postparent: emptyIatt(), xdata: new Dict() };
    }
    const directory = this.virtual.find(inode.gfid);
    if (directory !== undefined) return this.lookupDirectory(directory, request);
    return this.counting(request, (asked) => this.child.lookup(asked, context));
  }

  private lookupDirectory(directory: VirtualDirectory, { loc, xdata }: Request<'lookup'>): Reply<'lookup'> {
    const stat = this.virtual.stat(directory, loc.inode.gfid);
    const said = new Dict();
    if (directory.kind !== undefined && xdata?.has(keys.indexTypeWanted) === true)
      said.set(keys.indexType, directory.kind === 'entry-changes' ? IaType.DIRECTORY : IaType.FILE);
    return { stat, postparent: emptyIatt(), xdata: said };
  }

  async fstat(request: Request<'fstat'>, context: CallContext): Promise<Reply<'fstat'>> {
    return this.counting(request, (asked) => this.child.fstat(asked, context));
  }

  /** Replicate asks with each lookup whether anything is pending, to know whether its caches can be trusted. */
  private async counting<Q extends { xdata?: Dict }, P extends { xdata?: Dict }>(
    request: Q,
    call: (request: Q) => Promise<P>,
  ): Promise<P> {
    if (request.xdata?.get(keys.linkCountOf) !== PENDING_COUNT) return call(request);
    const xdata = request.xdata.clone();
    xdata.delete(keys.linkCountOf);
    const reply = await call({ ...request, xdata });
    const said = reply.xdata === undefined ? new Dict() : reply.xdata.clone();
    return { ...reply, xdata: said.set(keys.linkCount, this.store.hasAny('xattrop') ? 1 : 0) };
  }

  async opendir(request: Request<'opendir'>, context: CallContext): Promise<Reply<'opendir'>> {
    if (this.virtual.find(request.fd.inode.gfid) === undefined) return this.child.opendir(request, context);
    return {};
  }

  async releasedir(request: Request<'releasedir'>, context: CallContext): Promise<Reply<'releasedir'>> {
    if (this.virtual.find(request.fd.inode.gfid) === undefined)
      return this.child.releasedir(request, context);
    return {};
  }

  async readdir(request: Request<'readdir'>, context: CallContext): Promise<Reply<'readdir'>> {
    const { fd, offset, size, xdata } = request;
    const directory = this.virtual.find(fd.inode.gfid);
    if (directory === undefined) return this.child.readdir(request, context);
    const entries = this.virtual.list(directory, fd, offset, size);
    if (directory.kind === undefined || xdata?.has(keys.gfidTypeWanted) !== true) return { entries };
    return { entries: await Promise.all(entries.map((entry) => this.typed(entry, context))) };
  }

  /** The entry with the type of the file that it is named by; without it where that is gone. */
  private async typed(entry: DirectoryEntry, context: CallContext): Promise<DirectoryEntry> {
    const gfid = parsed(entry.name);
    if (gfid === undefined) return entry;
    try {
      const loc = { inode: new Inode(gfid) };
      return typed(entry, (await this.child.lookup({ loc, flags: 0 }, asRoot(context))).stat);
    } catch {
      return entry;
    }
  }

  async unlink(request: Request<'unlink'>, context: CallContext): Promise<Reply<'unlink'>> {
    const directory = this.directoryOf(request);
    if (directory === undefined) return this.child.unlink(request, context);
    return this.removing(request, directory, (name) => {
      if (directory.of !== undefined) this.store.removeName(directory.of, name);
      else if (directory.kind === 'entry-changes') this.store.unlink(below(directory.path, name));
      else this.store.remove(directory.kind!, this.gfidOf(name));
    });
  }

  async rmdir(request: Request<'rmdir'>, context: CallContext): Promise<Reply<'rmdir'>> {
    const directory = this.directoryOf(request);
    if (directory === undefined) return this.child.rmdir(request, context);
    return this.removing(request, directory, (name) => {
      const gfid = this.gfidOf(name);
      if (directory.kind === undefined)
        throw new GlfsError('ENOTDIR', 'names of the index are no directories');
      if (directory.kind !== 'entry-changes') this.store.remove(directory.kind, gfid);
      else if (request.xflags === 0) this.removeChanges(gfid);
      else {
        this.store.wipe(below(directory.path, name));
        this.virtual.forget(gfid);
      }
    });
  }

  private directoryOf({ loc }: Request<Removal>): VirtualDirectory | undefined {
    return loc.parent === undefined ? undefined : this.virtual.find(loc.parent.gfid);
  }

  private removing(
    { loc, xdata }: Request<Removal>,
    directory: VirtualDirectory,
    remove: (name: string) => void,
  ): Reply<Removal> {
    const { gfid } = loc.parent!;
    const preparent = this.virtual.stat(directory, gfid);
    remove(loc.name!);
    return { preparent, postparent: this.virtual.stat(directory, gfid), xdata };
  }

  private gfidOf(name: string): Gfid {
    const gfid = parsed(name);
    if (gfid === undefined) throw new GlfsError('EINVAL', `'${name}' is no gfid`, { translator: this.name });
    return gfid;
  }

  override dump(): Record<string, unknown> {
    return { 'xattrop-pending': this.store.count('xattrop'), 'xattrops-under-way': this.last.size };
  }
}

export const indexType: TranslatorType<typeof options> = {
  type: 'features/index',
  summary: 'Keeps a directory of the files that a heal may be pending for.',
  options,
  create: (setup) => new Index(setup),
};
