import { describe, expect, test } from 'vitest';
import { UpcallFlag } from '../../../../src/protocol/upcall-flag.ts';
import { isFresh } from '../../../../src/xlators/cluster/replicate/refresh.ts';
import { ReplicatedFile } from '../../../helpers/replicated-file.ts';

describe('a brick that tells of changes by others', () => {
  function tell(file: ReplicatedFile, flags: number): void {
    file.copies[0]!.raise({ kind: 'cache-invalidation', gfid: file.inode.gfid, flags, expiresIn: 60 });
  }

  test('of attributes has the copies asked again: one may be accused now', async () => {
    const file = new ReplicatedFile();
    const known = file.state.file(file.inode);
    expect(isFresh(file.state, known)).toBe(true);
    tell(file, UpcallFlag.XATTR);
    expect(isFresh(file.state, known)).toBe(false);
  });

  test('of bytes and times does not: marks are attributes', () => {
    const file = new ReplicatedFile();
    tell(file, UpcallFlag.SIZE | UpcallFlag.TIMES);
    expect(isFresh(file.state, file.state.file(file.inode))).toBe(true);
  });

  test('does not make anything known of files that were not', () => {
    const file = new ReplicatedFile();
    const { size } = file.state.files;
    file.copies[1]!.raise({
      kind: 'cache-invalidation',
      gfid: new Uint8Array(16).fill(9) as typeof file.inode.gfid,
      flags: UpcallFlag.XATTR,
      expiresIn: 60,
    });
    expect(file.state.files.size).toBe(size);
  });
});
