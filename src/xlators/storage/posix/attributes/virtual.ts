import { readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { GlfsError } from '../../../../errors.ts';
import type { Inode } from '../../../../graph/index.ts';
import type { DictEntry } from '../../../../protocol/dict.ts';
import { isDirectory } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';
import { decodeText, encodeText } from '../../../../xdr/index.ts';
import type { PosixBrick } from '../brick.ts';
import { aclBehind, aclText } from './acl.ts';
import { directoryPath, pathsOf } from './paths.ts';

interface Asked {
  readonly brick: PosixBrick;
  readonly path: Buffer;
  readonly inode: Inode;
  readonly name: string;
}

/** Answers a GETXATTR for something that is no attribute of the host; `undefined`: the host shall be asked after all. */
type Virtual = (asked: Asked) => DictEntry | undefined;

const REAL_FILENAME = 'glusterfs.get_real_filename:';
export const ANCESTRY = 'glusterfs.ancestry.path';

function text(value: string): DictEntry {
  return { type: 'str', value };
}

function none(what: string): GlfsError {
  return new GlfsError('ENODATA', what);
}

/** strcasecmp(3) of the C locale: letters of ASCII only. */
function folded(name: Uint8Array): string {
  return Buffer.from(name)
    .toString('latin1')
    .replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** How an entry is really written whose name was given without regard to case: Samba asks. */
const realFilename: Virtual = ({ brick, path, name }) => {
  // To list a symbolic link would be to list what it points to, anywhere on the host.
  if (!isDirectory({ mode: Number(brick.store.stat(path).mode) })) throw new GlfsError('ENOTDIR');
  const wanted = folded(encodeText(name.slice(REAL_FILENAME.length)));
  const found = readdirSync(path, { encoding: 'buffer' }).find((entry) => folded(entry) === wanted);
  if (found === undefined) throw none('no entry of that name in any case');
  return text(decodeText(found));
};

/** On which host and brick the file lies, and where in it. */
const pathinfo: Virtual = ({ brick, path, inode }) => {
  const uuid = brick.options['node-uuid-pathinfo'] ? brick.options['glusterd-uuid'] : undefined;
  const host = uuid ?? brick.options.hostname ?? hostname();
  const root = decodeText(brick.root);
  const [inVolume] = pathsOf(brick, path, inode.gfid);
  const file = inVolume === undefined ? decodeText(path) : `${root}${inVolume}`;
  return text(`<POSIX(${root}):${host}:${file}>`);
};

const nodeUuid: Virtual = ({ brick }) => {
  const uuid = brick.options['glusterd-uuid'];
  return uuid === undefined ? undefined : text(uuid);
};

/** All paths of the file; of a directory as text, of others as the bytes of their attributes. */
const allPaths: Virtual = ({ brick, path, inode }) => {
  if (!brick.options.gfid2path) throw none('names are not kept with the files');
  const paths = pathsOf(brick, path, inode.gfid);
  if (paths.length === 0) throw none('the file has no names that it knows of');
  if (isDirectory({ mode: Number(brick.store.stat(path).mode) })) return text(paths[0]!);
  return { type: 'bytes', value: encodeText(paths.join(brick.options['gfid2path-separator'])) };
};

const onePath: Virtual = ({ brick, path, inode }) =>
  text(pathsOf(brick, path, inode.gfid)[0] ?? `<gfid:${inode.toString()}>`);

const ancestry: Virtual = ({ brick, path, inode }) => {
  const isDir = isDirectory({ mode: Number(brick.store.stat(path).mode) });
  const found = isDir ? directoryPath(brick, inode.gfid) : undefined;
  if (found === undefined) throw none('the way to it is not known');
  return text(found);
};

const isOpen: Virtual = ({ brick, inode }) => ({
  type: 'uint',
  value: brick.openCount(inode.gfid) > 0 ? 1n : 0n,
});

const virtual: Readonly<Record<string, Virtual>> = {
  'trusted.glusterfs.pathinfo': pathinfo,
  'glusterfs.pathinfo': pathinfo,
  'trusted.glusterfs.node-uuid': nodeUuid,
  'glusterfs.gfid2path': onePath,
  'glusterfs.gfidtopath': allPaths,
  [ANCESTRY]: ancestry,
  [keys.openFdCount.name]: isOpen,
};

/** @throws GlfsError ENODATA and others, where the name is a virtual one without value. */
export function virtualAttribute(
  brick: PosixBrick,
  path: Buffer,
  inode: Inode,
  name: string,
): DictEntry | undefined {
  const asked: Asked = { brick, path, inode, name };
  if (name.startsWith(REAL_FILENAME)) return realFilename(asked);
  const acl = aclBehind(name);
  if (acl !== undefined) return text(aclText(brick, path, acl));
  return virtual[name]?.(asked);
}

export function isPathinfo(name: string): boolean {
  return virtual[name] === pathinfo;
}
