import { nativeKernel } from '../native.ts';
import { crc32cInTypescript } from './crc32c.ts';
import { weakInTypescript } from './weak.ts';

/** Below so many bytes the call into the addon costs more than it saves. */
const WORTH_A_CALL = 256;

/**
 * The rolling checksum of RCHECKSUM (rsync's weak one as GlusterFS computes it) of `data`; `state` is the checksum of the
 * bytes before it.
 * @source gf_rsync_weak_checksum
 */
export function weakChecksum(data: Uint8Array, state = 0): number {
  const kernel = data.length < WORTH_A_CALL ? undefined : nativeKernel();
  return (kernel?.weak ?? weakInTypescript)(data, state);
}

/** CRC-32C of `data`; `state` is the checksum of the bytes before it. @source RFC 3720, appendix B.4 */
export function crc32c(data: Uint8Array, state = 0): number {
  const kernel = data.length < WORTH_A_CALL ? undefined : nativeKernel();
  return (kernel?.crc32c ?? crc32cInTypescript)(data, state);
}
