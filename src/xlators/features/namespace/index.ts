/*
 * The promise, in GlusterFS: each call bears a hash of the first component of its path, for translators of the same process.
 * Nothing of it goes over the wire, and no translator here asks for it: it passes.
 */
import { option } from '../../../graph/index.ts';
import { passThrough } from '../../pass-through.ts';

export const namespaceType = passThrough(
  'features/namespace',
  'Passes: the tags that it gives calls never leave the process.',
  { 'tag-namespaces': option.boolean(false, { help: 'Accepted and ignored: nobody reads the tags.' }) },
);
