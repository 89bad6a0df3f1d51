import { command } from '../command.ts';
import type { CopyOptions } from '../copier.ts';
import { CommandError, UsageError } from '../errors.ts';
import { isVolumeUrl, locate } from '../locate.ts';
import { quote } from '../quote.ts';
import { splitOperands } from '../targets.ts';
import { printFile } from './cat.ts';
import { copyAll, copyOptions } from './copy-options.ts';

export const get = command<CopyOptions>({
  name: 'get',
  offline: 'sources',
  summary: 'copy files of a volume to this machine',
  operands: 'URL... FILE',
  description:
    "FILE is a local path: a new name, a file that is overwritten, a directory, or '-' for standard output.",
  options: copyOptions,
  examples: [
    ['get gluster://server/vol/iso/big.iso .', 'one file'],
    ['get -rp gluster://server/vol/photos ./', 'a tree, with modes and times'],
    ['get gluster://server/vol/backup.tar - | tar x', 'to standard output'],
  ],
  async run(session, operands, options) {
    const { sources, target } = splitOperands(operands);
    if (isVolumeUrl(target))
      throw new UsageError(`get copies to this machine, and ${quote(target)} is elsewhere: see cp`);
    for (const source of sources) locate(source);
    if (target !== '-') return copyAll(session, sources, target, options);
    for (const source of sources) {
      session.check();
      await session.report.attempt(source, async () => {
        if (options.recursive) throw new CommandError("-r does not go with '-'");
        await printFile(session, source);
      });
    }
  },
});
