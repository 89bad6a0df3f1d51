import { Dict, entryText } from '../../../protocol/dict.ts';
import { marks } from '../distribute/names.ts';

/**
 * The xdata of a call that makes an entry, for others than the first subvolume, without the layout of the parent that distribute
 * lets bricks compare: that attribute is on the first subvolume only. (GlusterFS sent it to all, ignored that the others refused,
 * and let the next lookup make the directory there.)
 */
export function unconditional(xdata: Dict | undefined): Dict {
  const rest = xdata?.clone() ?? new Dict();
  const condition = rest.entry(marks.preopName.name);
  if (condition === undefined) return rest;
  rest.delete(entryText(condition));
  rest.delete(marks.preopName);
  return rest;
}
