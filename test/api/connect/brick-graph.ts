import { buildGraph, Inode, rootContext } from '../../../src/graph/index.ts';
import { silent } from '../../../src/logger.ts';
import { Dict } from '../../../src/protocol/dict.ts';
import { ROOT_GFID } from '../../../src/protocol/gfid.ts';
import { typeOfMode } from '../../../src/protocol/iatt.ts';
import { parseVolfile } from '../../../src/volfile/index.ts';
import '../../../src/xlators/index.ts';

/** A brick without a server: to set on its root what only translators may. */
export async function openBrick(directory: string) {
  const text = `volume posix\ntype storage/posix\noption directory ${directory}\nend-volume\n`;
  const environment = {
    logger: silent,
    volume: 'test',
    share: <T>(_key: string, create: () => T): T => create(),
  };
  const graph = buildGraph(parseVolfile(text), environment);
  await graph.start();
  const loc = { inode: new Inode(ROOT_GFID, 'directory') };
  return {
    async setxattr(name: string, value: Uint8Array): Promise<void> {
      const dict = new Dict().setBytes(name, value);
      await graph.top.setxattr({ loc, flags: 0, dict }, rootContext());
    },
    /** Does nothing where the brick has no such file. */
    async mark(name: string, attribute: string): Promise<void> {
      const dict = new Dict().setBytes(attribute, new Uint8Array(8));
      const file = { inode: new Inode(), parent: loc.inode, name };
      const found = await graph.top.lookup({ loc: file, flags: 0 }, rootContext()).catch(() => undefined);
      if (found === undefined) return;
      const { gfid, mode } = found.stat;
      const target = { inode: new Inode(gfid, typeOfMode(mode)) };
      await graph.top.setxattr({ loc: target, flags: 0, dict }, rootContext());
    },
    [Symbol.asyncDispose]: () => graph.close(),
  };
}
