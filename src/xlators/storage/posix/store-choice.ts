import { chownSync, lstatSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { GlfsError } from '../../../errors.ts';
import { S_IFCHR } from '../../../protocol/iatt.ts';
import type { Syscalls } from '../../../syscalls.ts';
import type { AttributeStore } from './attribute-store.ts';
import { hostErrno } from './host-error.ts';
import { readQuietly } from './quiet-read.ts';
import { SidecarRecords } from './sidecar-records.ts';
import { SidecarStore } from './sidecar-store.ts';
import { XattrStore } from './xattr-store.ts';

const GFID = Buffer.from('trusted.gfid');
const PROBE = Buffer.from('trusted.glusterfs.test');
const NOBODY = 65534;
const ENODATA = 61;
const EOPNOTSUPP = 95;

/** What a brick of the sidecar kind remembers of itself, in .glusterfs/glfs-sidecar/format. */
interface Format {
  readonly version: 1;
  /** Who keeps owners, permissions and kinds of files: the host, or the records. */
  readonly owners: 'host' | 'records';
}

export interface StoreRequest {
  readonly root: string;
  readonly wanted: 'auto' | 'xattr' | 'sidecar';
  readonly readOnly: boolean;
  readonly host: Syscalls;
}

/**
 * The attribute store of a brick: the kind that it was begun with, or, for a fresh one, the wanted kind.
 * @throws GlfsError EINVAL where it was begun with another kind than the wanted one, or is no brick; EPERM where it takes
 *   root to read it; EOPNOTSUPP where the file system lacks what the wanted kind needs.
 */
export function chooseStore(request: StoreRequest): AttributeStore {
  const { root, wanted, host } = request;
  const directory = `${root}/.glusterfs/glfs-sidecar`;
  const format = readFormat(directory);
  if (format !== undefined) {
    if (wanted === 'xattr') throw conflict(root, 'sidecar', wanted);
    return sidecar(request, directory, format);
  }
  const begun = beginning(request);
  if (begun === 'xattr') {
    if (wanted === 'sidecar') throw conflict(root, 'xattr', wanted);
    return new XattrStore(host);
  }
  if (request.readOnly) throw new GlfsError('EINVAL', `${root} is no brick: it has no trusted.gfid`);
  const reason = wanted === 'sidecar' ? undefined : xattrsMissing(request);
  if (wanted === 'xattr' && reason !== undefined)
    throw new GlfsError('EOPNOTSUPP', `trusted.* attributes can't be kept on files of ${root}: ${reason}`);
  if (wanted !== 'sidecar' && reason === undefined) return new XattrStore(host);
  return sidecar(request, directory, begin(request, directory));
}

function conflict(root: string, begun: string, wanted: string): GlfsError {
  return new GlfsError('EINVAL', `${root} keeps its attributes as ${begun}; it can't be opened as ${wanted}`);
}

function readFormat(directory: string): Format | undefined {
  let text: string;
  try {
    text = readQuietly(`${directory}/format`).toString('utf8');
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined;
    throw error;
  }
  const format = JSON.parse(text) as Format;
  if (format.version !== 1)
    throw new GlfsError('EINVAL', `${directory} is of version ${String(format.version)}; 1 is known here`);
  return format;
}

/** A brick without a sidecar: does it have its attributes on its files, or none yet? */
function beginning({ root, host }: StoreRequest): 'xattr' | 'fresh' {
  let errno = 0;
  try {
    host.getxattr(Buffer.from(root), GFID);
    return 'xattr';
  } catch (error) {
    // Whoever may not see trusted.* is told that there is none.
    errno = hostErrno(error);
  }
  const handle = `${root}/.glusterfs/00/00/00000000-0000-0000-0000-000000000001`;
  if (lstatSync(handle, { throwIfNoEntry: false }) === undefined) return 'fresh';
  if (errno === EOPNOTSUPP)
    throw new GlfsError('EOPNOTSUPP', `the attributes of ${root} can't be read: no addon, or no file system`);
  if (!isRoot())
    throw new GlfsError('EPERM', `${root} keeps trusted.* attributes on its files: only root can read them`);
  throw new GlfsError('EINVAL', `${root} was a brick, but its trusted.gfid is lost: was it copied without?`);
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

function xattrsMissing({ root, host }: StoreRequest): string | undefined {
  const place = Buffer.from(root);
  try {
    host.setxattr(place, PROBE, Buffer.from('working'), 0);
    host.removexattr(place, PROBE);
    return undefined;
  } catch (error) {
    if (hostErrno(error) === ENODATA) return undefined;
    return error instanceof Error ? error.message : String(error);
  }
}

function begin(request: StoreRequest, directory: string): Format {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const format: Format = { version: 1, owners: hostKeepsOwners(request, directory) ? 'host' : 'records' };
  const temporary = `${directory}/format.new`;
  writeFileSync(temporary, `${JSON.stringify(format)}\n`, { mode: 0o600 });
  renameSync(temporary, `${directory}/format`);
  return format;
}

/** Root of a container may lack what root has. */
function hostKeepsOwners({ host }: StoreRequest, directory: string): boolean {
  if (!isRoot()) return false;
  const probe = `${directory}/probe`;
  // Of a start that was broken off: it would look like a host that refuses.
  rmSync(probe, { force: true });
  try {
    host.mknod(Buffer.from(probe), S_IFCHR | 0o600, 0n);
    chownSync(probe, NOBODY, NOBODY);
    return statSync(probe).uid === NOBODY;
  } catch {
    return false;
  } finally {
    rmSync(probe, { force: true });
  }
}

function sidecar({ root, readOnly, host }: StoreRequest, directory: string, format: Format): AttributeStore {
  if (format.owners === 'host' && !isRoot())
    throw new GlfsError('EPERM', `${root} was begun by root, who owns its files; only root can serve it`);
  return new SidecarStore(new SidecarRecords(directory, readOnly), format.owners === 'records', host);
}
