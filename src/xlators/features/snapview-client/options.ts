import { option } from '../../../graph/index.ts';

export const options = {
  'snapshot-directory': option.string('.snaps', {
    help: 'Name, in every directory, of the way into its snapshots; begins with a dot.',
  }),
  'show-snapshot-directory': option.boolean(false, {
    help: 'List that name, in the directory of snapdir-entry-path only.',
  }),
  'snapdir-entry-path': option.string('', {
    help: 'Path of the directory that lists the name, where show-snapshot-directory is on.',
  }),
};
