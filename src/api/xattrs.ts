import { GlfsError } from '../errors.ts';
import { isInternalAttribute } from '../graph/xattr-checks.ts';
import { Dict, entryBytes } from '../protocol/dict.ts';
import { copyBytes, encodeText } from '../xdr/index.ts';
import type { Target } from './attributes.ts';
import type { Call } from './calls.ts';
import type { SetxattrOptions } from './types.ts';

const XATTR_CREATE = 1;
const XATTR_REPLACE = 2;

/** One attribute. @throws GlfsError ENODATA where there is none of the name. */
export async function getxattr(call: Call, target: Target, name: string): Promise<Buffer> {
  if (name === '') throw new GlfsError('EINVAL', 'an attribute needs a name');
  const { dict } =
    'fd' in target
      ? await call.fop('fgetxattr', { fd: target.fd, name })
      : await call.fop('getxattr', { loc: target.loc, name });
  const entry = dict?.entry(name);
  if (entry === undefined) throw new GlfsError('ENODATA', `no attribute '${name}'`);
  const bytes = entryBytes(entry);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Names of all attributes, without those of GlusterFS's own. */
export async function listxattr(call: Call, target: Target): Promise<string[]> {
  const { dict } =
    'fd' in target
      ? await call.fop('fgetxattr', { fd: target.fd, name: '' })
      : await call.fop('getxattr', { loc: target.loc, name: '' });
  return [...(dict?.names() ?? [])].filter((name) => !isInternalAttribute(name));
}

/** @throws GlfsError EPERM for attributes of GlusterFS's own, EEXIST and ENODATA as `mode` asks for. */
export async function setxattr(
  call: Call,
  target: Target,
  name: string,
  value: string | Uint8Array,
  mode?: SetxattrOptions['mode'],
): Promise<void> {
  const bytes = typeof value === 'string' ? encodeText(value) : call.abortable ? copyBytes(value) : value;
  const dict = new Dict().setBytes(name, bytes);
  const flags = mode === 'create' ? XATTR_CREATE : mode === 'replace' ? XATTR_REPLACE : 0;
  if ('fd' in target) await call.fop('fsetxattr', { fd: target.fd, dict, flags });
  else await call.fop('setxattr', { loc: target.loc, dict, flags });
}

/** @throws GlfsError ENODATA, EPERM */
export async function removexattr(call: Call, target: Target, name: string): Promise<void> {
  if ('fd' in target) await call.fop('fremovexattr', { fd: target.fd, name });
  else await call.fop('removexattr', { loc: target.loc, name });
}
