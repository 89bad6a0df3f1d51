/* trusted.afr.<client>: u32 data, u32 metadata, u32 entry; big-endian. XATTROP's add-array changes them in place. */

/** What a mutation changes, and so which of a changelog's three counters it moves. */
export type ChangeKind = 'data' | 'metadata' | 'entry';

export const changeKinds: readonly ChangeKind[] = ['data', 'metadata', 'entry'];

/** Counters of one attribute. Whatever is not zero means: not the same there, or not known to be. */
export type Changelog = Readonly<Record<ChangeKind, number>>;

export const CHANGELOG_BYTES = 12;

export const CLEAN: Changelog = { data: 0, metadata: 0, entry: 0 };

/** What all changelogs of GlusterFS begin with; the rest is the name of the subvolume that is accused. */
export const PENDING_PREFIX = 'trusted.afr.';

/** An attribute that is absent, or shorter than it should be, counts as zeros from there. */
export function decodeChangelog(bytes: Uint8Array | undefined): Changelog {
  if (bytes === undefined) return CLEAN;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = (offset: number): number => (offset + 4 <= bytes.length ? view.getInt32(offset) : 0);
  return { data: at(0), metadata: at(4), entry: at(8) };
}

/** Counters left out are 0. */
export function encodeChangelog(changelog: Partial<Changelog>): Uint8Array {
  const bytes = new Uint8Array(CHANGELOG_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, kind] of changeKinds.entries()) view.setInt32(index * 4, changelog[kind] ?? 0);
  return bytes;
}

export function isClean(changelog: Changelog): boolean {
  return changeKinds.every((kind) => changelog[kind] === 0);
}
