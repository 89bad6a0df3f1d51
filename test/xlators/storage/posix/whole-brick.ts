/* What a brick must be whenever it is opened, whatever ended its last server. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Inode } from '../../../../src/graph/index.ts';
import { Dict } from '../../../../src/protocol/dict.ts';
import { gfidFromString, gfidToString, ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import { waitUntil } from '../../../helpers/wait.ts';
import { type EntryBrick, request } from './entry-brick.ts';

const ROOT = gfidToString(ROOT_GFID);
const wanted = ['list-xattr', 'trusted.gfid2path.*'];

/** A file as clients see it, by its path in the brick. */
export interface Seen {
  readonly gfid: string;
  readonly mode: string;
  readonly nlink: number;
  readonly owner: string;
  /** Bytes of a file, target of a symbolic link. */
  readonly content: string | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  /** What its trusted.gfid2path attributes say. */
  readonly names: readonly string[];
}

export type Tree = Readonly<Record<string, Seen>>;

/** All files by their paths, looked up name by name as a client does that has just come. */
export async function treeOf(brick: EntryBrick): Promise<Tree> {
  const tree: Record<string, Seen> = {};
  await see(brick, brick.root, '', tree);
  return tree;
}

async function see(brick: EntryBrick, directory: Inode, path: string, tree: Record<string, Seen>) {
  for (const name of await brick.names(directory)) {
    if (name === '.' || name === '..') continue;
    const at = `${path}/${name}`;
    const asked = request();
    for (const key of wanted) asked.setEntry(key, { type: 'int', value: 0n });
    const { stat, xdata } = await brick.lookup(directory, name, asked);
    const inode = new Inode(stat.gfid, 'unknown');
    inode.learn(stat);
    const host = brick.path(at);
    const found = [...(xdata ?? new Dict())].map(
      ([key]) => [key, Buffer.from(xdata!.bytes(key)!).toString('latin1')] as const,
    );
    const isName = ([key]: readonly [string, string]): boolean => key.startsWith('trusted.gfid2path.');
    tree[at] = {
      gfid: gfidToString(stat.gfid),
      mode: stat.mode.toString(8),
      nlink: inode.type === 'directory' ? 0 : stat.nlink,
      owner: `${stat.uid}:${stat.gid}`,
      content:
        inode.type === 'file'
          ? readFileSync(host, 'latin1')
          : inode.type === 'symlink'
            ? readlinkSync(host, 'latin1')
            : undefined,
      attributes: Object.fromEntries(
        found.filter((pair) => !isName(pair) && pair[0] !== 'trusted.glusterfs.mdata').sort(),
      ),
      names: found
        .filter(isName)
        .map(([, value]) => value)
        .sort(),
    };
    if (inode.type === 'directory') await see(brick, inode, at, tree);
  }
}

/** Checks a brick that was just opened. What belongs to no file is no fault, as long as it harms none. */
export async function expectWhole(brick: EntryBrick, tree: Tree): Promise<void> {
  const hidden = brick.path('.glusterfs');
  await waitUntil(() => readdirSync(join(hidden, 'landfill')).length === 0, {
    what: 'an empty landfill',
    everyMs: 1,
  });
  expect(readdirSync(join(hidden, 'unlink'))).toEqual([]);
  expectHandles(brick, expectIdentities(brick, tree));
  expectNames(tree);
  await expectFound(brick, tree);
}

/** One gfid for one inode; nlink without the handle. */
function expectIdentities(brick: EntryBrick, tree: Tree): Map<string, bigint> {
  const inodes = new Map<string, bigint>();
  for (const [path, { gfid, nlink, mode }] of Object.entries(tree)) {
    const stat = lstatSync(brick.path(path), { bigint: true });
    expect(inodes.get(gfid) ?? stat.ino, `${path} has another file's gfid`).toBe(stat.ino);
    inodes.set(gfid, stat.ino);
    if (!mode.startsWith('40')) {
      const names = Object.values(tree).filter((each) => each.gfid === gfid).length;
      expect(nlink, `links of ${path}`).toBe(names);
      expect(Number(stat.nlink), `links of ${path} with its handle`).toBe(names + 1);
    }
  }
  return inodes;
}

/** Every file is found by its gfid, too. */
export async function expectFound(brick: EntryBrick, tree: Tree): Promise<void> {
  for (const [path, { gfid, mode }] of Object.entries(tree)) {
    const { stat } = await brick.find(new Inode(gfidFromString(gfid)));
    expect(stat.mode.toString(8), `${path} by its gfid`).toBe(mode);
  }
}

/** A file knows of all its names, after a crash perhaps of more. */
function expectNames(tree: Tree): void {
  for (const [path, { names, mode }] of Object.entries(tree)) {
    if (mode.startsWith('40')) continue;
    const cut = path.lastIndexOf('/');
    const parent = cut === 0 ? ROOT : tree[path.slice(0, cut)]!.gfid;
    expect(names, `names of ${path}`).toContain(`${parent}/${path.slice(cut + 1)}`);
  }
}

function expectHandles(brick: EntryBrick, gfids: ReadonlyMap<string, bigint>): void {
  const hidden = brick.path('.glusterfs');
  const pairs = readdirSync(hidden).filter((name) => /^[0-9a-f]{2}$/.test(name));
  for (const first of pairs)
    for (const second of readdirSync(join(hidden, first)))
      for (const gfid of readdirSync(join(hidden, first, second))) {
        if (gfid === ROOT) continue;
        const stat = lstatSync(join(hidden, first, second, gfid), { bigint: true });
        const known = gfids.get(gfid);
        const directory = stat.isSymbolicLink() && stat.nlink === 1n;
        if (known === undefined) {
          expect(stat.nlink, `${gfid} is a handle of a file that has names, but none of that gfid`).toBe(1n);
        } else if (!directory) expect(stat.ino, `${gfid} is another file's handle`).toBe(known);
      }
}

/** Every record of the sidecar is of a file that is there. */
export function expectRecords(brick: EntryBrick): void {
  const there = new Set<bigint>();
  const walk = (directory: string): void => {
    for (const name of readdirSync(directory)) {
      const path = join(directory, name);
      const stat = lstatSync(path, { bigint: true });
      there.add(stat.ino);
      if (stat.isDirectory() && name !== 'glfs-sidecar') walk(path);
    }
  };
  there.add(lstatSync(brick.directory, { bigint: true }).ino);
  walk(brick.directory);
  const sidecar = brick.path('.glusterfs', 'glfs-sidecar');
  for (const folder of readdirSync(sidecar).filter((name) => name.length === 2))
    for (const name of readdirSync(join(sidecar, folder)).filter((each) => /^\d+$/.test(each)))
      expect(there.has(BigInt(name)), `record ${name} is of no file`).toBe(true);
}
