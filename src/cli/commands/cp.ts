import { checkOperands, command } from '../command.ts';
import type { CopyOptions } from '../copier.ts';
import { UsageError } from '../errors.ts';
import { isVolumeUrl } from '../locate.ts';
import { splitOperands } from '../targets.ts';
import { copyAll, copyOptions } from './copy-options.ts';

interface CpOptions extends CopyOptions {
  archive?: boolean;
}

export const cp = command<CpOptions>({
  name: 'cp',
  summary: 'copy files within a volume, or from one to another',
  operands: 'SOURCE... TARGET',
  description:
    'Within a volume the servers copy by themselves where they can; otherwise the data passes through here. ' +
    'Local paths may be given, too, as with put and get.',
  options: [...copyOptions, { flags: '-a, --archive', help: 'as -r -p' }],
  examples: [
    ['cp gluster://server/vol/a gluster://server/vol/b', 'within a volume'],
    ['cp -a gluster://one/vol/dir gluster://two/backup/', 'from one cluster to another'],
  ],
  async run(session, operands, options) {
    const { sources, target } = splitOperands(operands);
    checkOperands(operands);
    if (!isVolumeUrl(target) && !sources.every(isVolumeUrl))
      throw new UsageError('no volume URL among source and target: cp copies to or from volumes');
    const all = options.archive ? { ...options, recursive: true, preserve: true } : options;
    await copyAll(session, sources, target, all);
  },
});
