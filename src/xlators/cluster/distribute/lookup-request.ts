import { Dict } from '../../../protocol/dict.ts';
import type { Gfid } from '../../../protocol/gfid.ts';
import { keys } from '../../../protocol/keys.ts';
import { LAYOUT_BYTES } from './layout.ts';
import type { DistributeState } from './state.ts';

/** Longest name of a subvolume that a linkto file is asked for. */
const LINKTO_BYTES = 256;
const MDS_BYTES = 4;
const COMMIT_HASH_BYTES = 4;
const ACLS = ['system.posix_acl_access', 'system.posix_acl_default'];

/**
 * What distribute wants to know with every lookup, added to what the caller asks for. A gfid that the caller would give to
 * a file without one is taken out: bricks would give it to directories, each its own.
 */
export function lookupXdata(state: DistributeState, given: Dict | undefined, isRoot: boolean): Dict {
  const xdata = given === undefined ? new Dict() : given.clone();
  const { linkto, layout, mds, commitHash } = state.attributes;
  xdata.delete(keys.gfidRequest);
  const ask = (name: string, bytes: number): void => {
    xdata.setEntry(name, { type: 'uint', value: BigInt(bytes) });
  };
  ask(linkto.name, LINKTO_BYTES);
  ask(keys.openFdCount.name, 4);
  ask(layout.name, LAYOUT_BYTES);
  ask(mds.name, MDS_BYTES);
  if (isRoot) ask(commitHash.name, COMMIT_HASH_BYTES);
  for (const name of ACLS) if (!xdata.has(name)) xdata.setEntry(name, { type: 'int', value: 0n });
  return xdata;
}

/** The same request, for subvolumes whose directory may have been left without a gfid. */
export function givingGfid(xdata: Dict, gfid: Gfid | undefined): Dict {
  return gfid === undefined ? xdata : xdata.clone().set(keys.gfidRequest, gfid);
}
