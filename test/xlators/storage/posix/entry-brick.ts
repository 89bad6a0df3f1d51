import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  buildGraph,
  type CallContext,
  Fd,
  type Graph,
  Inode,
  type Reply,
  rootContext,
  type Subvolume,
} from '../../../../src/graph/index.ts';
import { silent } from '../../../../src/logger.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { type Gfid, gfidToString, newGfid, ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import { keys } from '../../../../src/protocol/keys.ts';
import { OpenFlag } from '../../../../src/protocol/messages.ts';
import { parseVolfile } from '../../../../src/volfile/index.ts';
import '../../../../src/xlators/index.ts';

/** A graph that is nothing but storage/posix over a directory. */
export function posixGraph(directory: string, options: Readonly<Record<string, string>> = {}): Graph {
  const lines = Object.entries({ directory, reserve: '0', ...options }).map(
    ([key, value]) => `option ${key} ${value}`,
  );
  const text = `volume posix\ntype storage/posix\n${lines.join('\n')}\nend-volume\n`;
  return buildGraph(parseVolfile(text), {
    logger: silent,
    volume: 'test',
    share: (_, create) => create(),
  });
}

/** The xdata of a call that makes a file. */
export function request(gfid: Gfid = newGfid()): Dict {
  return new Dict().set(keys.gfidRequest, gfid);
}

/** A brick of its own, and the entry operations on it in few words. */
export class EntryBrick {
  readonly root = new Inode(ROOT_GFID, 'directory');

  private constructor(
    readonly directory: string,
    private graph: Graph,
    private readonly options: Readonly<Record<string, string>>,
  ) {}

  /** `within`: where its directory is made. */
  static async start(options: Readonly<Record<string, string>> = {}, within = tmpdir()): Promise<EntryBrick> {
    const directory = mkdtempSync(join(within, 'glfs-entries-'));
    const graph = posixGraph(directory, options);
    await graph.start();
    return new EntryBrick(directory, graph, options);
  }

  get top(): Subvolume {
    return this.graph.top;
  }

  async restart(): Promise<void> {
    await this.graph.close();
    await this.begin();
  }

  /** Ends the server whose host has failed it. */
  async end(): Promise<void> {
    await this.graph.close().catch(() => {});
  }

  /** A fresh directory, of a brick that was ended. */
  async wipe(): Promise<void> {
    rmSync(this.directory, { recursive: true });
    mkdirSync(this.directory);
  }

  async begin(): Promise<void> {
    this.graph = posixGraph(this.directory, this.options);
    await this.graph.start();
  }

  async stop(): Promise<void> {
    await this.graph.close();
    // Node's own removal stops at paths that are too long.
    execFileSync('rm', ['-rf', this.directory]);
  }

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }

  handle({ gfid }: { gfid: Gfid }): string {
    const id = gfidToString(gfid);
    return this.path('.glusterfs', id.slice(0, 2), id.slice(2, 4), id);
  }

  lookup(parent: Inode, name: string, xdata?: Dict): Promise<Reply<'lookup'>> {
    return this.top.lookup({ loc: { inode: new Inode(), parent, name }, flags: 0, xdata }, rootContext());
  }

  find(inode: Inode): Promise<Reply<'lookup'>> {
    return this.top.lookup({ loc: { inode }, flags: 0 }, rootContext());
  }

  async mkdir(
    parent: Inode,
    name: string,
    mode = 0o755,
    context = rootContext(),
    xdata = request(),
  ): Promise<Inode> {
    const inode = new Inode();
    const { stat } = await this.top.mkdir({ loc: { inode, parent, name }, mode, umask: 0, xdata }, context);
    inode.learn(stat);
    return inode;
  }

  async create(
    parent: Inode,
    name: string,
    {
      flags = OpenFlag.RDWR | OpenFlag.EXCL,
      mode = 0o644,
      xdata = request(),
      context = rootContext(),
    }: {
      flags?: number;
      mode?: number;
      xdata?: Dict;
      context?: CallContext;
    } = {},
  ): Promise<{ inode: Inode; fd: Fd; reply: Reply<'create'> }> {
    const inode = new Inode();
    const fd = new Fd(inode, flags);
    const reply = await this.top.create(
      { loc: { inode, parent, name }, fd, flags, mode, umask: 0, xdata },
      context,
    );
    inode.learn(reply.stat);
    return { inode, fd, reply };
  }

  /** A file that is not open. */
  async file(parent: Inode, name: string, xdata = request()): Promise<Inode> {
    const { inode, fd } = await this.create(parent, name, { xdata });
    await this.release(fd);
    return inode;
  }

  async symlink(parent: Inode, name: string, target: string): Promise<Inode> {
    const inode = new Inode();
    const loc = { inode, parent, name };
    inode.learn((await this.top.symlink({ loc, umask: 0, target, xdata: request() }, rootContext())).stat);
    return inode;
  }

  async mknod(parent: Inode, name: string, mode: number, dev = 0n, xdata = request()): Promise<Inode> {
    const inode = new Inode();
    const loc = { inode, parent, name };
    inode.learn((await this.top.mknod({ loc, umask: 0, mode, dev, xdata }, rootContext())).stat);
    return inode;
  }

  link(inode: Inode, parent: Inode, name: string, xdata?: Dict): Promise<Reply<'link'>> {
    return this.top.link({ loc: { inode }, newLoc: { inode, parent, name }, xdata }, rootContext());
  }

  unlink(parent: Inode, name: string, xdata?: Dict): Promise<Reply<'unlink'>> {
    return this.top.unlink({ loc: { inode: new Inode(), parent, name }, xflags: 0, xdata }, rootContext());
  }

  rmdir(parent: Inode, name: string, xflags = 0): Promise<Reply<'rmdir'>> {
    return this.top.rmdir({ loc: { inode: new Inode(), parent, name }, xflags }, rootContext());
  }

  rename(parent: Inode, name: string, newParent: Inode, newName: string): Promise<Reply<'rename'>> {
    const loc = { inode: new Inode(), parent, name };
    const newLoc = { inode: new Inode(), parent: newParent, name: newName };
    return this.top.rename({ loc, newLoc }, rootContext());
  }

  async open(inode: Inode, flags: number = OpenFlag.RDWR): Promise<Fd> {
    const fd = new Fd(inode, flags);
    await this.top.open({ loc: { inode }, fd, flags }, rootContext());
    return fd;
  }

  async release(fd: Fd): Promise<void> {
    await this.top.release({ fd }, rootContext());
  }

  async write(fd: Fd, text: string): Promise<void> {
    const data = [Buffer.from(text)];
    await this.top.write({ fd, offset: 0, size: text.length, flags: 0, data }, rootContext());
  }

  async read(fd: Fd): Promise<string> {
    const { data } = await this.top.read({ fd, offset: 0, size: 65536, flags: 0 }, rootContext());
    return Buffer.from(data).toString();
  }

  /** An attribute as getxattr of the brick's own store has it. */
  async attribute(inode: Inode, name: string): Promise<string | undefined> {
    const xdata = new Dict().setEntry(name, { type: 'int', value: 0n });
    const reply = await this.top.lookup({ loc: { inode }, flags: 0, xdata }, rootContext());
    const bytes = reply.xdata?.bytes(name);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1');
  }

  /** The names of the trusted.gfid2path attributes' values. */
  async paths(inode: Inode): Promise<string[]> {
    const xdata = new Dict().setEntry('trusted.gfid2path.*', { type: 'int', value: 0n });
    const { xdata: found } = await this.top.lookup({ loc: { inode }, flags: 0, xdata }, rootContext());
    return [...(found ?? [])]
      .filter(([name]) => name.startsWith('trusted.gfid2path.'))
      .map(([name]) => Buffer.from(found!.bytes(name)!).toString())
      .sort();
  }

  async names(inode: Inode, size = 1 << 20): Promise<string[]> {
    const fd = new Fd(inode, 0);
    await this.top.opendir({ loc: { inode }, fd }, rootContext());
    const { entries } = await this.top.readdir({ fd, offset: 0n, size }, rootContext());
    await this.top.releasedir({ fd }, rootContext());
    return entries.map(({ name }) => name).sort();
  }
}
