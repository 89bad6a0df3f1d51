import { option } from '../../../graph/index.ts';
import { blockSizeOption } from './block-size.ts';

/** Options of cluster/stripe, as glusterd wrote them into volfiles until GlusterFS 6, and people before it. */
export const options = {
  'block-size': blockSizeOption(
    128 * 1024,
    'bytes of a block of new files, also by pattern: *.img:2MB,128KB',
  ),
  coalesce: option.boolean(true, { help: 'new files without gaps in their stripes' }),
  'use-xattr': option.boolean(true, {
    help: 'off: files have no attributes that say how they are striped; block-size must be what it was when they were made',
  }),
} as const;

export type StripeOptions = typeof options;
