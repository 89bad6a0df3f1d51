import { GlfsError } from '../errors.ts';
import { type FopName, fops } from '../protocol/fops.ts';
import type { Request } from './fop-types.ts';

const U32 = 0xffffffff;
/** 2^63-1: the largest offset of the wire, and of a directory. */
const MAX_OFFSET = 2n ** 63n - 1n;

/** How a call's numbers are bounded. `empty`: a range of no bytes is an error, as fallocate(2) has it. */
interface Bounds {
  offset: readonly string[];
  size?: 'u32' | 'u53';
  empty?: 'refused';
}

const bounds: Partial<Record<FopName, Bounds>> = {
  read: { offset: ['offset'], size: 'u32' },
  write: { offset: ['offset'], size: 'u32' },
  rchecksum: { offset: ['offset'], size: 'u32' },
  seek: { offset: ['offset'] },
  truncate: { offset: ['offset'] },
  ftruncate: { offset: ['offset'] },
  fallocate: { offset: ['offset'], size: 'u53', empty: 'refused' },
  discard: { offset: ['offset'], size: 'u53', empty: 'refused' },
  zerofill: { offset: ['offset'], size: 'u53', empty: 'refused' },
  copyFileRange: { offset: ['sourceOffset', 'targetOffset'], size: 'u32' },
};

/**
 * What to check of the offsets and sizes (bytes) of a call; undefined where it has none. The check throws
 * GlfsError EINVAL for what is no byte count at all; EFBIG where a change would reach beyond 2^53-1 bytes, which is more
 * than any file system below can hold.
 */
export function rangeCheck(fop: FopName): ((request: object) => void) | undefined {
  if (fop === 'readdir' || fop === 'readdirp') return checkDirectory;
  const rule = bounds[fop];
  if (rule === undefined) return undefined;
  const mutates = fops[fop].traits.mutates === true;
  return (request) => {
    const numbers = request as Record<string, number> & { size: number };
    const size = rule.size === undefined ? 0 : numbers.size;
    if (rule.size !== undefined) checkSize(size, rule, mutates);
    for (const name of rule.offset) checkOffset(name, numbers[name]!, size, mutates);
    if (fop === 'read') checkInto(request as Request<'read'>);
    if (fop === 'write') checkData(request as Request<'write'>);
  };
}

function checkSize(size: number, rule: Bounds, mutates: boolean): void {
  if (!Number.isInteger(size) || size < 0) throw new GlfsError('EINVAL', `not a size: ${size}`);
  if (size === 0 && rule.empty === 'refused') throw new GlfsError('EINVAL', 'the range is empty');
  if (rule.size === 'u32' && size > U32) {
    throw new GlfsError('EINVAL', `one call moves at most ${U32} bytes, not ${size}`);
  }
  if (!Number.isSafeInteger(size))
    throw new GlfsError(mutates ? 'EFBIG' : 'EINVAL', `a size of ${size} bytes`);
}

function checkOffset(name: string, offset: number, size: number, mutates: boolean): void {
  if (!Number.isInteger(offset) || offset < 0 || offset >= 2 ** 63) {
    throw new GlfsError('EINVAL', `${name} is not an offset: ${offset}`);
  }
  if (!Number.isSafeInteger(offset)) {
    throw new GlfsError(mutates ? 'EFBIG' : 'EINVAL', `${name} is beyond 2^53-1: ${offset}`);
  }
  if (mutates && !Number.isSafeInteger(offset + size)) {
    throw new GlfsError('EFBIG', `the range reaches beyond 2^53-1: ${offset} and ${size} bytes more`);
  }
}

function checkInto({ into, size }: Request<'read'>): void {
  if (into !== undefined && size > into.length) {
    throw new GlfsError('EINVAL', `${size} bytes don't fit into a buffer of ${into.length}`);
  }
}

function checkData({ data, size }: Request<'write'>): void {
  let length = 0;
  for (const part of data) length += part.length;
  if (length !== size) throw new GlfsError('EINVAL', `${length} bytes are given where ${size} are announced`);
}

function checkDirectory(request: object): void {
  const { offset, size } = request as Request<'readdir'>;
  if (offset < 0n || offset > MAX_OFFSET) throw new GlfsError('EINVAL', `not an offset: ${offset}`);
  if (!Number.isInteger(size) || size < 0 || size > U32) throw new GlfsError('EINVAL', `not a size: ${size}`);
}
