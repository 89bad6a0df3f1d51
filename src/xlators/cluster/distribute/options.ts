import { option } from '../../../graph/index.ts';

/** Options of cluster/distribute (and of cluster/nufa and cluster/switch), as glusterd writes them into volfiles. */
export const options = {
  'lookup-unhashed': option.choice(
    'on',
    ['auto', 'yes', 'no', 'enable', 'disable', '1', '0', 'on', 'off', 'true', 'false'],
    {
      help: 'accepted; a name that its hashed subvolume lacks is looked for on all unless lookup-optimize rules it out',
    },
  ),
  'lookup-optimize': option.boolean(true, {
    help: "a name that its hashed subvolume lacks does not exist where the directory's commit hash is the volume's",
  }),
  'min-free-disk': option.percentOrSize(
    { percent: 10 },
    { help: 'new files avoid subvolumes with less free space than this; a linkto file then points to them' },
  ),
  'min-free-inodes': option.percentOrSize(
    { percent: 5 },
    { help: 'new files avoid subvolumes with a smaller share of free inodes than this' },
  ),
  'unhashed-sticky-bit': option.boolean(false, {
    help: 'show files away from their hashed subvolume with the sticky bit',
  }),
  'use-readdirp': option.boolean(true, { help: 'readdir is answered by readdirp of the subvolumes' }),
  'readdir-optimize': option.boolean(false, {
    help: 'list directories only from the first subvolume that is up, other entries from all',
  }),
  'assert-no-child-down': option.boolean(false, { help: 'end all service when any subvolume goes down' }),
  'directory-layout-spread': option.integer(0, {
    min: 0,
    help: 'over how many subvolumes a new directory is spread; 0: all',
  }),
  'decommissioned-bricks': option.string('', {
    help: 'names of subvolumes, separated by commas, that are being removed: no new file goes there',
  }),
  'commit-hash': option.optional({ help: 'of the rebalance process: the commit hash it will write' }),
  'rebalance-cmd': option.integer(0, { help: 'of the rebalance process only' }),
  'node-uuid': option.optional({ help: 'of the rebalance process only' }),
  'rebalance-stats': option.boolean(false, { help: 'of the rebalance process only' }),
  'rebalance-filter': option.optional({ help: 'of the rebalance process only' }),
  'rebal-throttle': option.string('normal', { help: 'of the rebalance process only' }),
  'lock-migration': option.boolean(false, { help: 'the rebalance process carries POSIX locks along' }),
  'force-migration': option.boolean(false, {
    help: 'the rebalance process migrates files that are open for writing',
  }),
  'ensure-durability': option.boolean(true, { help: 'of the rebalance process only' }),
  'rsync-hash-regex': option.optional({
    help: "POSIX extended regular expression; the first group of a matching name is hashed in its stead; 'none' switches it off. Default: ^\\.(.+)\\.[^.]+$",
  }),
  'extra-hash-regex': option.optional({ help: 'as rsync-hash-regex, and tried first' }),
  'xattr-name': option.string('trusted.glusterfs.dht', {
    help: "base name of distribute's extended attributes",
  }),
  'weighted-rebalance': option.boolean(true, {
    help: 'hash ranges of new directories are in proportion to the size of the subvolumes',
  }),
  'randomize-hash-range-by-gfid': option.boolean(false, {
    help: "the gfid instead of the path decides at which subvolume a directory's ranges start",
  }),
  'rmdir-optimize': option.boolean(false, {
    help: 'remove directories without listing them first, where bricks check that they are empty',
  }),
  'local-volume-name': option.optional({ help: 'nufa: the subvolume on which new files are made' }),
  'pattern.switch.case': option.optional({
    help: 'switch: shell patterns of names with the subvolumes they go to: *.jpg:sub-1,sub-2;*:sub-3',
  }),
} as const;

export type DistributeOptions = typeof options;
