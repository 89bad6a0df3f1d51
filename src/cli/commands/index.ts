import type { CommandSpec } from '../command.ts';
import { cat } from './cat.ts';
import { checksum } from './checksum.ts';
import { cp } from './cp.ts';
import { dev } from './dev.ts';
import { df } from './df.ts';
import { get } from './get.ts';
import { heal } from './heal.ts';
import { info } from './info.ts';
import { ls } from './ls.ts';
import { mkdir } from './mkdir.ts';
import { mv } from './mv.ts';
import { put } from './put.ts';
import { rm } from './rm.ts';
import { stat } from './stat.ts';
import { touch } from './touch.ts';
import { tree } from './tree.ts';
import { truncate } from './truncate.ts';
import { volfile } from './volfile.ts';
import { xattr } from './xattr.ts';

/** All commands, in the order of the help. A new one is a file beside these and a line here. */
export const commands: readonly CommandSpec[] = [
  ls,
  cat,
  checksum,
  put,
  get,
  cp,
  mv,
  rm,
  mkdir,
  stat,
  df,
  touch,
  truncate,
  tree,
  xattr,
  volfile,
  info,
  heal,
  dev,
];
