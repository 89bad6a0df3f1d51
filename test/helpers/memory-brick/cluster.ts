import {
  type CallContext,
  Fd,
  Inode,
  type Loc,
  readOptions,
  rootContext,
  type Subvolume,
  type Translator,
  toSubvolume,
} from '../../../src/graph/index.ts';
import { Dict } from '../../../src/protocol/dict.ts';
import { newGfid, ROOT_GFID } from '../../../src/protocol/gfid.ts';
import { isDirectory } from '../../../src/protocol/iatt.ts';
import { keys } from '../../../src/protocol/keys.ts';
import { Distribute } from '../../../src/xlators/cluster/distribute/index.ts';
import { options } from '../../../src/xlators/cluster/distribute/options.ts';
import { type LogLine, recordingEnvironment } from '../recording-child.ts';
import { MemoryBrick } from './brick.ts';

export interface Client {
  readonly translator: Distribute;
  readonly top: Subvolume;
  readonly lines: readonly LogLine[];
}

/** One client's distribute translator over bricks, all of which are up. */
export function distributeOver(bricks: readonly MemoryBrick[], given: Record<string, string> = {}): Client {
  const environment = recordingEnvironment();
  const rawOptions = new Map(Object.entries(given));
  const translator = new Distribute({
    name: 'vol-dht',
    type: 'cluster/distribute',
    children: bricks.map(({ subvolume }) => subvolume),
    options: readOptions(options, rawOptions, 'vol-dht', (key) => {
      throw new Error(`unknown option ${key}`);
    }),
    rawOptions,
    environment,
  });
  for (const brick of bricks) brick.up();
  return { translator, top: toSubvolume(translator as unknown as Translator), lines: environment.lines };
}

/** Bricks with one client, and paths in place of locs. Every call looks its path up from the root, as a new inode. */
export class MemoryCluster {
  readonly bricks: MemoryBrick[];
  readonly client: Client;
  readonly root = new Inode(ROOT_GFID, 'directory');
  context: CallContext = rootContext();

  constructor(bricks: number | MemoryBrick[], given: Record<string, string> = {}) {
    this.bricks =
      typeof bricks === 'number'
        ? Array.from({ length: bricks }, (_, index) => new MemoryBrick(`vol-client-${index}`))
        : bricks;
    this.client = distributeOver(this.bricks, given);
  }

  get top(): Subvolume {
    return this.client.top;
  }

  brick(index: number): MemoryBrick {
    return this.bricks[index]!;
  }

  /** The inode behind a path, with everything on the way looked up. */
  async resolve(path: string): Promise<Inode> {
    let inode = this.root;
    await this.top.lookup({ loc: { inode }, flags: 0 }, this.context);
    for (const name of path.split('/').filter((part) => part !== '')) {
      const found = new Inode();
      const { stat } = await this.top.lookup(
        { loc: { inode: found, parent: inode, name }, flags: 0 },
        this.context,
      );
      found.learn(stat);
      inode = found;
    }
    return inode;
  }

  /** Parent and name of a path, with a fresh inode. */
  async place(path: string): Promise<Loc & { parent: Inode; name: string }> {
    const parts = path.split('/').filter((part) => part !== '');
    const name = parts.pop()!;
    return { inode: new Inode(), parent: await this.resolve(parts.join('/')), name };
  }

  /** A path that exists, as an entry. */
  async entry(path: string): Promise<Loc & { parent: Inode; name: string }> {
    return { ...(await this.place(path)), inode: await this.resolve(path) };
  }

  private gfidRequest(): Dict {
    return new Dict().set(keys.gfidRequest, newGfid());
  }

  async mkdir(path: string): Promise<Inode> {
    const loc = await this.place(path);
    const xdata = this.gfidRequest();
    loc.inode.learn((await this.top.mkdir({ loc, mode: 0o755, umask: 0, xdata }, this.context)).stat);
    return loc.inode;
  }

  async create(path: string, text = ''): Promise<Inode> {
    const loc = await this.place(path);
    const fd = new Fd(loc.inode, 2);
    const request = { loc, fd, flags: 2, mode: 0o644, umask: 0, xdata: this.gfidRequest() };
    loc.inode.learn((await this.top.create(request, this.context)).stat);
    if (text !== '') {
      const data = Buffer.from(text);
      await this.top.write({ fd, data: [data], offset: 0, size: data.length, flags: 0 }, this.context);
    }
    await this.top.release({ fd }, this.context);
    return loc.inode;
  }

  async symlink(path: string, target: string): Promise<void> {
    const loc = await this.place(path);
    await this.top.symlink({ loc, umask: 0, target, xdata: this.gfidRequest() }, this.context);
  }

  async unlink(path: string): Promise<void> {
    await this.top.unlink({ loc: await this.entry(path), xflags: 0 }, this.context);
  }

  async rmdir(path: string): Promise<void> {
    await this.top.rmdir({ loc: await this.entry(path), xflags: 0 }, this.context);
  }

  async link(from: string, to: string): Promise<void> {
    await this.top.link({ loc: await this.entry(from), newLoc: await this.place(to) }, this.context);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.top.rename({ loc: await this.entry(from), newLoc: await this.place(to) }, this.context);
  }

  async exists(path: string): Promise<boolean> {
    try {
      await this.resolve(path);
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return false;
      throw error;
    }
  }

  async read(path: string): Promise<string> {
    const inode = await this.resolve(path);
    const fd = new Fd(inode, 0);
    await this.top.open({ loc: { inode }, fd, flags: 0 }, this.context);
    const { data } = await this.top.read({ fd, offset: 0, size: 1 << 20, flags: 0 }, this.context);
    await this.top.release({ fd }, this.context);
    return Buffer.from(data).toString();
  }

  /** Every path below the root with its gfid, as listings show them. */
  async tree(path = ''): Promise<Map<string, string>> {
    const inode = await this.resolve(path);
    const fd = new Fd(inode, 0);
    await this.top.opendir({ loc: { inode }, fd }, this.context);
    const found = new Map<string, string>();
    let offset = 0n;
    for (;;) {
      const { entries } = await this.top.readdirp({ fd, offset, size: 512 }, this.context);
      if (entries.length === 0) break;
      for (const { name, offset: next, stat } of entries) {
        offset = next;
        if (name === '.' || name === '..') continue;
        const below = `${path}/${name}`;
        if (found.has(below)) throw new Error(`${below} is listed twice`);
        found.set(below, Buffer.from(stat!.gfid).toString('hex'));
        if (isDirectory(stat!)) for (const [key, value] of await this.tree(below)) found.set(key, value);
      }
    }
    await this.top.releasedir({ fd }, this.context);
    return found;
  }

  /** Locks that any brick still has. */
  get locks(): string[] {
    return this.bricks.flatMap((brick) => brick.locks.keys);
  }

  /** Work in the background has ended. */
  idle(): Promise<void> {
    return this.client.translator.state.idle();
  }
}
