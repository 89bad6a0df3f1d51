import { GlfsError } from '../../../errors.ts';
import { type ChildSet, countOf } from '../children.ts';

interface Geometry {
  readonly name: string;
  readonly all: ChildSet;
  readonly data: number;
  readonly children: readonly unknown[];
}

/**
 * The subvolumes that `ec-read-mask` lets be read; all where it is not set.
 * @throws GlfsError EINVAL where it names a subvolume that is none, or fewer than it takes to read
 */
export function readMask(text: string | undefined, { name, all, data, children }: Geometry): ChildSet {
  if (text === undefined || text === '') return all;
  const refuse = (why: string): GlfsError =>
    new GlfsError('EINVAL', `ec-read-mask ${text}: ${why}`, { translator: name });
  let set: ChildSet = 0;
  for (const part of text.split(':')) {
    const index = Number(part);
    if (!/^\d+$/.test(part) || index >= children.length) throw refuse(`there is no subvolume ${part}`);
    set |= 1 << index;
  }
  if (countOf(set) < data) throw refuse(`it takes ${data} subvolumes to read`);
  return set;
}
