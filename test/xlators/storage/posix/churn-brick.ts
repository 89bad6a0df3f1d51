/* Makes, renames, links and removes entries of the brick in its argument until it is killed; says so after every 20. */
import { Fd, Inode, rootContext } from '../../../../src/graph/index.ts';
import { ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import { posixGraph, request } from './entry-brick.ts';

const [directory, kind] = process.argv.slice(2) as [string, string];
const graph = posixGraph(directory, { 'attribute-store': kind });
await graph.start();
const { top } = graph;
const context = rootContext();
const root = new Inode(ROOT_GFID, 'directory');
const at = (name: string, inode = new Inode()) => ({ inode, parent: root, name });

for (let round = 0; ; round++) {
  const name = `n${round % 7}`;
  const other = `n${(round * 3 + 1) % 7}`;
  const steps = [
    async () => {
      const inode = new Inode();
      const fd = new Fd(inode, 2);
      await top.create(
        { loc: at(name, inode), fd, flags: 0o202, mode: 0o600, umask: 0, xdata: request() },
        context,
      );
      await top.release({ fd }, context);
    },
    () => top.mkdir({ loc: at(`d-${name}`), mode: 0o700, umask: 0, xdata: request() }, context),
    () => top.symlink({ loc: at(`l-${name}`), umask: 0, target: name, xdata: request() }, context),
    () => top.rename({ loc: at(name), newLoc: at(other) }, context),
    () => top.rename({ loc: at(`d-${name}`), newLoc: at(`d-${other}`) }, context),
    async () => {
      const inode = new Inode();
      inode.learn((await top.lookup({ loc: at(name), flags: 0 }, context)).stat);
      await top.link({ loc: { inode }, newLoc: at(`h-${name}`) }, context);
    },
    () => top.unlink({ loc: at(`l-${other}`), xflags: 0 }, context),
    () => top.unlink({ loc: at(`h-${other}`), xflags: 0 }, context),
    () => top.rmdir({ loc: at(`d-${name}`), xflags: 0 }, context),
  ];
  // Whether each succeeds depends on what a predecessor left.
  for (const step of steps) await step().catch(() => {});
  if (round % 20 === 19) process.send!(round);
}
