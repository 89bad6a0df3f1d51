import type { BrickFile, FileBrick } from './file-brick.ts';
import { PROTECT, resize, splice } from './file-brick.ts';

const LINKTO = 'trusted.glusterfs.dht.linkto';
const PHASE_1 = 0o3000;
const LINKTO_MODE = 0o1000;

export interface MoveOptions {
  /** Bytes that are copied at once. */
  chunk: number;
  /** Copy over what clients write (`cluster.force-migration`). */
  force?: boolean;
  /** The source stays behind as a linkto file. */
  keepSource?: boolean;
}

/**
 * What GlusterFS's rebalance process does to move a file, one call to a brick a step. Returns whether the file was moved:
 * it gives up when clients write to what it copies, or hold a lock.
 */
export function* moveFile(
  gfid: Uint8Array,
  from: FileBrick,
  to: FileBrick,
  { chunk, force = false, keepSource = false }: MoveOptions,
): Generator<string, boolean> {
  const source = from.file(gfid);
  if (source === undefined || source.locks > 0) return false;
  const real = source.mode;
  let target = to.file(gfid);
  target?.xattrs.delete(PROTECT);
  target ??= to.put(gfid, LINKTO_MODE);
  target.xattrs.set(LINKTO, Buffer.from(from.name));
  yield 'destination made';
  source.xattrs.set(LINKTO, Buffer.from(to.name));
  yield 'source points';
  // GlusterFS sizes the destination before it marks the source. A truncate between the two leaves the moved file too long,
  // and no client can see it coming: not what is tested here.
  resize(target, source.data.length);
  source.mode = real | PHASE_1;
  yield 'phase 1';
  for (const [name, value] of source.xattrs) if (name !== LINKTO) target.xattrs.set(name, value);
  yield 'attributes copied';
  if (!(yield* copyData(source, target, chunk, force)) || source.locks > 0) {
    source.mode = real;
    yield 'source unmarked';
    source.xattrs.delete(LINKTO);
    yield 'source points no more';
    resize(target, 0);
    yield 'destination emptied';
    target.xattrs.delete(PROTECT);
    return false;
  }
  const settled = source.mode & ~PHASE_1;
  yield 'source seen';
  target.mode = settled;
  yield 'destination real';
  source.mode = (source.mode & ~0o7777) | LINKTO_MODE;
  yield 'phase 2';
  resize(source, 0);
  yield 'source emptied';
  target.xattrs.delete(LINKTO);
  yield 'destination points no more';
  if (!keepSource) {
    from.remove(gfid);
    yield 'source gone';
  }
  target.xattrs.delete(PROTECT);
  return true;
}

function* copyData(
  source: BrickFile,
  target: BrickFile,
  chunk: number,
  force: boolean,
): Generator<string, boolean> {
  const size = source.data.length;
  for (let offset = 0; offset < size; ) {
    const bytes = source.data.slice(offset, Math.min(size, offset + chunk));
    yield `read ${offset}`;
    if (bytes.length === 0) return false;
    if (!force && target.xattrs.has(PROTECT)) return false;
    splice(target, offset, bytes);
    yield `written ${offset}`;
    offset += bytes.length;
  }
  return true;
}
