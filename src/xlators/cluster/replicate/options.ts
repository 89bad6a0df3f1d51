import { option } from '../../../graph/index.ts';

/** Options of cluster/replicate, as glusterd writes them into volfiles. */
export const options = {
  'afr-pending-xattr': option.optional({
    help: 'names of the subvolumes in trusted.afr.*, separated by commas; by default those of the volfile',
  }),
  'afr-dirty-xattr': option.string('trusted.afr.dirty', {
    help: 'attribute that marks changes that are under way',
  }),
  'arbiter-count': option.integer(0, {
    min: 0,
    max: 1,
    help: '1: the third copy has names and attributes only',
  }),
  'thin-arbiter': option.optional({ help: 'refused: volumes with a thin arbiter are not served' }),
  'volume-id': option.optional({ help: 'UUID of the volume; names the directory of anonymous inodes' }),

  'quorum-type': option.optional({
    help: 'none, fixed, auto: how many copies must be there. Default: auto for more than two copies, none otherwise',
  }),
  'quorum-count': option.integer(0, { min: 0, help: 'quorum-type fixed: so many copies' }),
  'quorum-reads': option.boolean(false, {
    help: 'accepted: as with GlusterFS since version 6 reads always need the quorum of writes',
  }),
  'consistent-io': option.boolean(false, {
    help: 'all copies must be up for any operation; without a quorum only',
  }),
  'consistent-metadata': option.boolean(false, {
    help: 'attributes in replies only from copies that are known to be good',
  }),

  'read-subvolume': option.optional({ help: 'name of the subvolume to read from' }),
  'read-subvolume-index': option.integer(-1, { min: -1, help: 'its position, from 0; -1: none' }),
  'read-hash-mode': option.integer(1, {
    min: 0,
    max: 5,
    help: 'which copy is read: 0 the first that is up, 1 by gfid, 2 by gfid and process, 3 least load, 4 least latency, 5 least product of both',
  }),
  'choose-local': option.boolean(true, { help: 'read from the copy on this host' }),

  'eager-lock': option.boolean(true, { help: 'keep the lock of a file from one write to the next' }),
  'post-op-delay-secs': option.time(1, {
    min: 0,
    help: 'seconds for which lock and marks outlive a write',
  }),
  'full-lock': option.boolean(true, { help: 'writes lock the whole file, not their range' }),
  'locking-scheme': option.choice('full', ['full', 'granular'], {
    help: 'accepted: names are healed under the lock of their whole directory',
  }),
  'pre-op-compat': option.boolean(true, { help: 'accepted: marks are always set by a call of their own' }),
  'optimistic-change-log': option.boolean(true, {
    help: 'no marks before changes of names and attributes while all copies are there',
  }),
  'ensure-durability': option.boolean(true, {
    help: 'bring bytes to disk before the marks of their writes are cleared',
  }),
  'data-change-log': option.boolean(true, { help: 'accepted: changes are always marked' }),
  'metadata-change-log': option.boolean(true, { help: 'accepted: changes are always marked' }),
  'entry-change-log': option.boolean(true, { help: 'accepted: changes are always marked' }),
  'use-compound-fops': option.boolean(false, { help: 'accepted: GlusterFS has none any more' }),

  'data-self-heal': option.string('off', { help: 'on (or open): this client heals data that it comes upon' }),
  'metadata-self-heal': option.boolean(false, { help: 'this client heals attributes that it comes upon' }),
  'entry-self-heal': option.boolean(false, { help: 'this client heals directories that it comes upon' }),
  'data-self-heal-algorithm': option.optional({
    help: 'full: copy everything; diff: compare checksums first; default: full where a copy is empty, diff otherwise',
  }),
  'data-self-heal-window-size': option.integer(8, {
    min: 1,
    max: 1024,
    help: 'blocks of 128 KiB that a heal copies at once',
  }),
  'background-self-heal-count': option.integer(8, {
    min: 0,
    max: 256,
    help: 'files that are healed at the same time',
  }),
  'heal-wait-queue-length': option.integer(128, {
    min: 0,
    max: 10_000,
    help: 'files that wait to be healed; more are left to the self-heal daemon',
  }),
  'self-heal-readdir-size': option.size(1024, {
    min: 1024,
    max: 131_072,
    help: 'accepted: heals list 128 KiB at once, as those of GlusterFS do',
  }),
  'granular-entry-heal': option.boolean(false, {
    help: 'note the names that differ in the index, and heal those only',
  }),
  'use-anonymous-inode': option.boolean(false, {
    help: 'a heal keeps what has lost its name in .glusterfs-anonymous-inode-VOLUMEID until it is found elsewhere',
  }),
  'favorite-child-policy': option.choice('none', ['none', 'size', 'ctime', 'mtime', 'majority'], {
    help: 'how split-brain is resolved without asking',
  }),
  'metadata-splitbrain-forced-heal': option.boolean(false, {
    help: 'split-brain of attributes is resolved without asking, by the first copy',
  }),

  'self-heal-daemon': option.boolean(true, { help: 'of the self-heal daemon only' }),
  'iam-self-heal-daemon': option.boolean(false, { help: 'of the self-heal daemon only' }),
  'iam-nfs-daemon': option.boolean(false, { help: 'of the NFS server only' }),
  'node-uuid': option.optional({ help: 'of the self-heal daemon only' }),
  'heal-timeout': option.time(600, { help: 'of the self-heal daemon only' }),
  'shd-max-threads': option.integer(1, { help: 'of the self-heal daemon only' }),
  'shd-wait-qlength': option.integer(1024, { help: 'of the self-heal daemon only' }),
  'inodelk-trace': option.boolean(false, { help: 'accepted: debug/trace shows locks' }),
  'entrylk-trace': option.boolean(false, { help: 'accepted: debug/trace shows locks' }),

  'halo-enabled': option.boolean(false, {
    help: 'recognised, not honoured: copies far away take part like all others, with a warning',
  }),
  'halo-shd-max-latency': option.integer(99_999, { help: 'see halo-enabled' }),
  'halo-nfsd-max-latency': option.integer(5, { help: 'see halo-enabled' }),
  'halo-max-latency': option.integer(5, { help: 'see halo-enabled' }),
  'halo-max-replicas': option.integer(99_999, { help: 'see halo-enabled' }),
  'halo-min-replicas': option.integer(2, { help: 'see halo-enabled' }),
} as const;

export type ReplicateOptions = typeof options;
