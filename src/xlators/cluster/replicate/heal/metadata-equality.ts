import { sameAttributes } from '../../shared-attributes.ts';
import type { Examined } from './examine.ts';

/** Type, permissions, owner and shared attributes. Times and sizes are not compared: they follow data. */
export function sameMetadata(a: Examined, b: Examined): boolean {
  return (
    a.stat.mode === b.stat.mode &&
    a.stat.uid === b.stat.uid &&
    a.stat.gid === b.stat.gid &&
    sameAttributes(a.xdata, b.xdata)
  );
}
