import { option } from '../../../graph/index.ts';

export const options = {
  'index-base': option.optional({ help: 'Directory of the index: BRICK/.glusterfs/indices.' }),
  'xattrop64-watchlist': option.string('trusted.ec.dirty', {
    help: 'Attributes, by the front of their names, separated by commas, that say that a heal is pending (disperse).',
  }),
  'xattrop-pending-watchlist': option.string('', {
    help: 'The same for replicate: trusted.afr.VOLUME-.',
  }),
  'xattrop-dirty-watchlist': option.string('trusted.afr.dirty', {
    help: 'Attributes that say that a change is under way.',
  }),
};
