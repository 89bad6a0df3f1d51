import { checkList } from '../checksum-check.ts';
import { checksumOf } from '../checksum-files.ts';
import { printChecksum } from '../checksum-lines.ts';
import { checkOperands, command } from '../command.ts';
import { type DigestName, digestNames } from '../digests.ts';
import { UsageError } from '../errors.ts';

interface ChecksumOptions {
  algorithm: DigestName;
  check?: boolean;
  ignoreMissing?: boolean;
  status?: boolean;
}

export const checksum = command<ChecksumOptions>({
  name: 'checksum',
  offline: 'all',
  summary: 'print or check checksums of files',
  operands: '[URL|FILE]...',
  description: "As sha256sum; without an operand, or with '-', of standard input.",
  options: [
    {
      flags: '-a, --algorithm <name>',
      help: 'kind of checksum; weak is the rolling one of GlusterFS heals, rchecksum leaves the work to the bricks',
      choices: digestNames,
      default: 'sha256',
    },
    { flags: '-c, --check', help: 'read checksums from the operands and check the files that they name' },
    { flags: '--ignore-missing', help: 'with -c, pass over files that are not there' },
    { flags: '--status', help: 'with -c, print nothing: the exit code tells' },
  ],
  examples: [
    ['checksum gluster://server/vol/a.iso ./a.iso', 'of a file of a volume and of a local one'],
    ['checksum -a crc32c gluster://server/vol/a.iso > sums', 'a list'],
    ['checksum -a crc32c -c sums', 'checks it'],
    ['checksum -a rchecksum gluster://server/vol/disk.img disk.img', 'no data travel'],
  ],
  async run(session, operands, { algorithm, check, ignoreMissing = false, status = false }) {
    if (!check && ignoreMissing)
      throw new UsageError('the --ignore-missing option is meaningful only when verifying checksums');
    if (!check && status)
      throw new UsageError('the --status option is meaningful only when verifying checksums');
    checkOperands(operands);
    for (const file of operands.length === 0 ? ['-'] : operands) {
      session.check();
      await session.report.attempt(file, async () => {
        if (check) return checkList(session, file, { algorithm, ignoreMissing, silent: status });
        const hex = await checksumOf(session, file, algorithm);
        await session.out.line(printChecksum({ name: file, hex }));
        await session.out.record({ file, algorithm, checksum: hex });
      });
    }
  },
});
