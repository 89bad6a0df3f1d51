import { expect, test } from 'vitest';
import type { DirectoryEntry } from '../../../../src/graph/index.ts';
import { dialect330, dialect400 } from '../../../../src/protocol/dialect.ts';
import { NULL_GFID } from '../../../../src/protocol/gfid.ts';
import type { Iatt } from '../../../../src/protocol/iatt.ts';
import { XdrReader } from '../../../../src/xdr/index.ts';
import { ReplyEncoder } from '../../../../src/xlators/protocol/server/encode.ts';

/*
 * distribute lists a directory by its type from one brick only, and what it does not know for one from each of them: without
 * the type of the root's `..`, which has no gfid, mounts list it once for each brick.
 */
test.each([dialect330, dialect400])(
  'entries without attributes tell that they are directories: $version',
  (dialect) => {
    const layout = dialect.layout('readdirp')!;
    const entries: DirectoryEntry[] = [
      { name: '..', type: 'directory', ino: 5n, offset: 1n },
      { name: 'gone', type: 'file', ino: 6n, offset: 2n },
    ];
    const answer = new ReplyEncoder(dialect).success('readdirp', layout, {}, { entries, eof: true });
    const reader = new XdrReader((answer as { result: Uint8Array }).result);
    expect([reader.i32(), reader.i32()]).toEqual([2, 2]);
    if (!layout.xdataLast) dialect.dict.decode(reader);
    const listed = layout.reply.decode(reader).entries as { name: string; stat: Iatt }[];
    expect(listed.map(({ name, stat }) => [name, stat.mode, stat.gfid])).toEqual([
      ['..', 0o040000, NULL_GFID],
      ['gone', 0, NULL_GFID],
    ]);
  },
);
