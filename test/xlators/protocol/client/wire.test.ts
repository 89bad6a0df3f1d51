import { describe, expect, test } from 'vitest';
import { dialect330, dialect400 } from '../../../../src/protocol/dialect.ts';
import type { FopName } from '../../../../src/protocol/fops.ts';
import { emptyIatt } from '../../../../src/protocol/iatt.ts';
import { XdrReader, XdrWriter } from '../../../../src/xdr/index.ts';
import { decodeReply, toDirectoryEntries } from '../../../../src/xlators/protocol/client/wire.ts';

const entry = (name: string) => ({ name, ino: 1n, offset: 1n, type: 8 });

describe('directory entries of a brick', () => {
  test.each(['', '/', 'a/b', '/etc/passwd', '../../.bashrc', 'a/', 'a\0b', '\0'])(
    'what is no name is refused: %j',
    (name) => {
      expect(() => toDirectoryEntries([entry('fine'), entry(name)])).toThrow(
        expect.objectContaining({ name: 'GlfsError', code: 'EPROTO' }),
      );
    },
  );

  test('any other name passes, dots and bytes that are no text among them', () => {
    const names = ['.', '..', '...', 'a b', '\n', '\\', '\udcff', 'ä', '~'];
    expect(toDirectoryEntries(names.map(entry)).map(({ name }) => name)).toEqual(names);
  });
});

describe.each([dialect400, dialect330])('`ret` of a reply of version $version', (dialect) => {
  function decoded(fop: FopName, ret: number): Record<string, unknown> {
    const layout = dialect.layout(fop)!;
    const writer = new XdrWriter(16);
    writer.i32(ret);
    writer.i32(0);
    if (!layout.xdataLast) dialect.dict.encode(writer, undefined);
    layout.reply.encode(writer, { prestat: emptyIatt(), poststat: emptyIatt(), stat: emptyIatt() });
    if (layout.xdataLast) dialect.dict.encode(writer, undefined);
    return decodeReply(new XdrReader(writer.bytes), layout, dialect, () => ({}));
  }

  test.each([0, 1, 4096])('of WRITE is the count of bytes that were taken: %i', (ret) => {
    expect(decoded('write', ret).count).toBe(ret);
  });

  test('of COPY_FILE_RANGE too, where the version has it', () => {
    const has = dialect.layout('copyFileRange') !== undefined;
    expect(has).toBe(dialect === dialect400);
    if (!has) return;
    expect(decoded('copyFileRange', 0).count).toBe(0);
    expect(decoded('copyFileRange', 7).count).toBe(7);
  });

  test('of others is no count', () => {
    expect(decoded('fsync', 0)).not.toHaveProperty('count');
    expect(decoded('ftruncate', 3)).not.toHaveProperty('count');
  });
});
