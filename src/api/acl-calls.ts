import { isGlfsError } from '../errors.ts';
import { aclAttribute, decodeAcl, encodeAcl, parseAcl } from './acl.ts';
import type { Target } from './attributes.ts';
import type { Call } from './calls.ts';
import type { AclEntry, AclType } from './types.ts';
import { getxattr, removexattr, setxattr } from './xattrs.ts';

/** An ACL as entries, or as the text of getfacl and setfacl. */
export type AclText = readonly AclEntry[] | string;

export async function getAcl(call: Call, target: Target, type: AclType): Promise<AclEntry[] | undefined> {
  try {
    return decodeAcl(await getxattr(call, target, aclAttribute[type]));
  } catch (error) {
    if (isGlfsError(error, 'ENODATA')) return undefined;
    throw error;
  }
}

export async function setAcl(call: Call, target: Target, acl: AclText, type: AclType): Promise<void> {
  const entries = typeof acl === 'string' ? parseAcl(acl) : acl;
  await setxattr(call, target, aclAttribute[type], encodeAcl(entries));
}

/** What is not there is removed already. */
export async function removeAcl(call: Call, target: Target, type: AclType): Promise<void> {
  try {
    await removexattr(call, target, aclAttribute[type]);
  } catch (error) {
    if (!isGlfsError(error, 'ENODATA')) throw error;
  }
}
