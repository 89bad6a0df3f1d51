import { createHash } from 'node:crypto';
import { weakChecksum } from './fastest.ts';

/** What RCHECKSUM answers for a block of a file. */
export interface BlockChecksum {
  readonly weak: number;
  /** 32 bytes: SHA-256, or MD5 with 16 zero bytes behind it. */
  readonly strong: Uint8Array;
}

const STRONG_BYTES = 32;

/**
 * The checksums that a brick computes for RCHECKSUM. Bricks use SHA-256 where `storage.fips-mode-rchecksum` is on (their
 * reply's xdata then says so), MD5 otherwise.
 */
export function blockChecksum(data: Uint8Array, algorithm: 'sha256' | 'md5' = 'sha256'): BlockChecksum {
  const strong = new Uint8Array(STRONG_BYTES);
  strong.set(createHash(algorithm).update(data).digest());
  return { weak: weakChecksum(data), strong };
}
