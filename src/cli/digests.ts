import { createHash } from 'node:crypto';
import { crc32c, weakChecksum } from '../checksum/index.ts';
import { startBlockDigest } from './block-digest.ts';

/** A checksum that bytes are given to, in order. */
export interface Digest {
  update(bytes: Uint8Array): void;
  /** In hexadecimal, lower case. Nothing may follow. */
  hex(): string;
}

interface Algorithm {
  /** Of the checksum. */
  readonly bytes: number;
  start(): Digest | Promise<Digest>;
}

const WORD_BYTES = 4;

function ofWords(step: (bytes: Uint8Array, state: number) => number): Algorithm {
  return {
    bytes: WORD_BYTES,
    start: () => {
      let state = 0;
      return {
        update: (bytes) => {
          state = step(bytes, state);
        },
        hex: () => state.toString(16).padStart(2 * WORD_BYTES, '0'),
      };
    },
  };
}

function ofCrypto(name: string, bytes: number): Algorithm {
  return {
    bytes,
    start: () => {
      const hash = createHash(name);
      return { update: (data) => void hash.update(data), hex: () => hash.digest('hex') };
    },
  };
}

const xxh64: Algorithm = {
  bytes: 8,
  start: async () => {
    // WebAssembly, and compiled when it is first asked for.
    const { default: load } = await import('xxhash-wasm');
    const hash = (await load()).create64();
    return {
      update: (data) => void hash.update(data),
      hex: () => hash.digest().toString(16).padStart(16, '0'),
    };
  },
};

/** By name. `weak` is the rolling checksum of RCHECKSUM over all bytes, `rchecksum` what bricks can compute. */
const algorithms = {
  crc32c: ofWords(crc32c),
  weak: ofWords(weakChecksum),
  xxh64,
  md5: ofCrypto('md5', 16),
  sha1: ofCrypto('sha1', 20),
  sha256: ofCrypto('sha256', 32),
  sha512: ofCrypto('sha512', 64),
  rchecksum: { bytes: 32, start: startBlockDigest },
} satisfies Readonly<Record<string, Algorithm>>;

export type DigestName = keyof typeof algorithms;

export const digestNames = Object.keys(algorithms) as readonly DigestName[];

/** Bytes of that checksum. */
export function digestBytes(name: DigestName): number {
  return algorithms[name].bytes;
}

/** Begins a checksum. @throws Error where the system's crypto policy forbids it (MD5) */
export async function startDigest(name: DigestName): Promise<Digest> {
  return algorithms[name].start();
}
