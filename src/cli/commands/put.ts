import { existsSync } from 'node:fs';
import { command } from '../command.ts';
import type { CopyOptions } from '../copier.ts';
import { copyContents } from '../copy-file.ts';
import { CommandError, UsageError } from '../errors.ts';
import { failed, orFail } from '../failed.ts';
import { isVolumeUrl, locate, parentOf } from '../locate.ts';
import { standardInput } from '../pipe.ts';
import { quote } from '../quote.ts';
import type { Session } from '../session.ts';
import type { Attributes, OpenSource } from '../side.ts';
import { codeOf } from '../strerror.ts';
import { destinationOf, splitOperands } from '../targets.ts';
import { copyAll, copyOptions } from './copy-options.ts';

/** What standard input looks like as a file: nothing is known of it. */
const unknownAttributes: Attributes = {
  kind: 'unknown',
  mode: 0o666,
  uid: 0,
  gid: 0,
  size: 0,
  blocks: 0,
  atimeNs: 0n,
  mtimeNs: 0n,
  rdev: 0n,
  identity: 'standard input',
};

async function putStandardInput(session: Session, url: string, options: CopyOptions): Promise<void> {
  const { place, isDirectory } = await destinationOf(session, url, 1);
  if (isDirectory) throw new CommandError(`cannot overwrite directory ${quote(url)} with standard input`);
  const exists = await place.side.stat(place.path, true).then(
    () => true,
    () => false,
  );
  const mode = 0o666 & ~session.umask;
  const opening = place.side.openTarget(place.path, { mode, exclusive: !exists });
  const target = await orFail(`cannot create regular file ${quote(url)}`, opening);
  try {
    const source: OpenSource = {
      ...standardInput(session),
      attributes: unknownAttributes,
      close: async () => {},
    };
    const from = { place: { ...place, shown: 'standard input' }, source };
    session.progress.file('standard input', undefined, true);
    const size = await copyContents(session, from, { place, target }, { fsync: options.fsync === true });
    await session.out.record({ source: '-', target: url, type: 'file', size });
  } finally {
    await target.close();
  }
}

/**
 * Makes the directories on the way to the target: on a fresh volume there are none, and whoever puts a file says where it
 * shall be. What else is wrong with the path, the copying says.
 */
async function makeParents(session: Session, target: string, sources: readonly string[]): Promise<void> {
  if (!sources.some((source) => source === '-' || existsSync(source))) return;
  const { volume, location } = await orFail(`target ${quote(target)}`, session.open(target));
  const { path } = parentOf(location);
  try {
    await volume.mkdir(path, { ...session.calls, mode: 0o777 & ~session.umask, recursive: true });
  } catch (error) {
    const code = codeOf(error);
    if (code !== 'EEXIST' && code !== 'ENOTDIR')
      throw failed(`cannot create directory ${quote(path)}`, error);
  }
}

export const put = command<CopyOptions>({
  name: 'put',
  summary: 'copy local files to a volume',
  operands: 'FILE... URL',
  description:
    "FILE is a local path, or '-' for standard input. URL is a new name, a file that is overwritten in place, or a " +
    'directory; directories on the way to it are made. What a failed transfer has written stays, and is said.',
  options: copyOptions,
  examples: [
    ['put ./big.iso gluster://server/vol/iso/big.iso', 'one file'],
    ['put -rp ./photos gluster://server/vol/', 'a tree, with modes and times'],
    ['put - gluster://server/vol/backup.tar < backup.tar', 'from standard input'],
  ],
  async run(session, operands, options) {
    const { sources, target } = splitOperands(operands);
    if (!isVolumeUrl(target)) throw new UsageError(`the target must be a volume URL: ${quote(target)}`);
    locate(target);
    const url = sources.find(isVolumeUrl);
    if (url !== undefined) throw new UsageError(`put copies local files, and ${quote(url)} is none: see cp`);
    if (sources.includes('-') && sources.length > 1) throw new UsageError("'-' goes alone");
    await makeParents(session, target, sources);
    if (!sources.includes('-')) return copyAll(session, sources, target, options);
    await putStandardInput(session, target, options);
  },
});
