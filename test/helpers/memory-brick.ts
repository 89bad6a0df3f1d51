export { MemoryBrick } from './memory-brick/brick.ts';
export { distributeOver, MemoryCluster } from './memory-brick/cluster.ts';
export { at, coverage, exchangeRanges, hashedIndex, LAYOUT, nameOn, places } from './memory-brick/inspect.ts';
export { isDirectory, type Node, Store, statOf } from './memory-brick/store.ts';
export { isLinktoNode, LINKTO } from './memory-brick/xdata.ts';
