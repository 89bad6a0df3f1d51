/* Serves the brick in its argument until it is killed. */
import { Inode, rootContext } from '../../../../src/graph/index.ts';
import { ROOT_GFID } from '../../../../src/protocol/gfid.ts';
import { posixGraph, request } from './entry-brick.ts';

const graph = posixGraph(process.argv[2]!, { 'attribute-store': 'sidecar' });
await graph.start();
const loc = { inode: new Inode(), parent: new Inode(ROOT_GFID, 'directory'), name: 'made-by-the-holder' };
await graph.top.mknod({ loc, mode: 0o100600, umask: 0, dev: 0n, xdata: request() }, rootContext());
process.send!('serving');
setInterval(() => {}, 1 << 30);
