import { Dict } from '../../../../protocol/dict.ts';
import type { Iatt } from '../../../../protocol/iatt.ts';
import { keys } from '../../../../protocol/keys.ts';

/** What SETXATTR and REMOVEXATTR bring along, having no place for it in their replies: the file before and after. */
export function statsInXdata(before: Iatt, after: Iatt): Dict {
  return new Dict().set(keys.statForDistribute, after).set(keys.preStat, before).set(keys.postStat, after);
}
