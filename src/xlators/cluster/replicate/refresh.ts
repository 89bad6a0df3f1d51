import { GlfsError } from '../../../errors.ts';
import type { CallContext, Inode } from '../../../graph/index.ts';
import type { FileState } from './file-state.ts';
import type { ReplicateState } from './state.ts';

/**
 * What is known of the file's copies, asked for again where copies have come or gone since.
 * @throws GlfsError what the copies say where none can be used (ENOENT, ESTALE, ENOTCONN).
 */
export function ensureFresh(
  _state: ReplicateState,
  _inode: Inode,
  _context: CallContext,
): Promise<FileState> {
  return Promise.reject(new GlfsError('EOPNOTSUPP'));
}
