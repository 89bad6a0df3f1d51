import type { PosixFops } from '../brick.ts';
import { fgetxattr, getxattr } from './getxattr.ts';
import { fremovexattr, removexattr } from './removexattr.ts';
import { fsetattr, setattr } from './setattr.ts';
import { fsetxattr, setxattr } from './setxattr.ts';
import { fxattrop, xattrop } from './xattrop.ts';

export { lookupXdata } from './lookup-xdata.ts';

/** Operations on attributes: those of stat, and extended ones. */
export const attributeFops = {
  fgetxattr,
  fremovexattr,
  fsetattr,
  fsetxattr,
  fxattrop,
  getxattr,
  removexattr,
  setattr,
  setxattr,
  xattrop,
} satisfies PosixFops;
