import { GlfsError } from '../../../errors.ts';
import type { Part } from './fops.ts';

/**
 * Each copy would take the bytes from its own copy of the source, which somebody may be writing to: GlusterFS sends the call
 * to one copy only. The caller reads and writes instead.
 */
export const copyFileRange: Part<'copyFileRange'> = (state) =>
  Promise.reject(
    new GlfsError('EOPNOTSUPP', 'copies are not made by the bricks of a replicated volume', {
      translator: state.name,
    }),
  );
