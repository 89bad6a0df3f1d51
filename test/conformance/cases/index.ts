import type { Case } from '../trial.ts';
import { append } from './append.ts';
import { clients } from './clients.ts';
import { directories, readdir } from './directories.ts';
import { holes, lengths } from './holes.ts';
import { large } from './large.ts';
import { directoryLinks, links } from './links.ts';
import { locks } from './locks.ts';
import { deepPaths, nameCases } from './names.ts';
import { openFlags } from './open-flags.ts';
import { ownership, ownershipOfUsers, umask } from './ownership.ts';
import { permissions, sticky } from './permissions.ts';
import { allocation, copying, seeking } from './regions.ts';
import { rename } from './rename.ts';
import { specialFiles } from './special-files.ts';
import { symlinks } from './symlinks.ts';
import { times } from './times.ts';
import { truncate } from './truncate.ts';
import { unlinkedFiles } from './unlinked.ts';
import { xattrs } from './xattrs.ts';

/** Every case, in the order in which they run. */
export const allCases: readonly Case[] = [
  ...openFlags,
  ...append,
  ...holes,
  ...lengths,
  ...truncate,
  ...rename,
  ...links,
  ...directoryLinks,
  ...nameCases,
  ...deepPaths,
  ...directories,
  ...readdir,
  ...symlinks,
  ...permissions,
  ...sticky,
  ...ownership,
  ...ownershipOfUsers,
  ...umask,
  ...xattrs,
  ...unlinkedFiles,
  ...locks,
  ...times,
  ...specialFiles,
  ...seeking,
  ...allocation,
  ...copying,
  ...clients,
  ...large,
];
