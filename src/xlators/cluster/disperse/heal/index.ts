import type { Inode } from '../../../../graph/index.ts';
import type { DisperseState } from '../state.ts';

/** A file or directory was found to be behind on some subvolumes: it is healed in the background, where that is on. */
export function suspect(_state: DisperseState, _inode: Inode): void {}
