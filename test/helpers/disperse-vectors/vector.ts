import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Geometry, nameOf } from './stories.ts';

/** What the bricks of a real volume held of one file. */
export interface FileVector {
  readonly name: string;
  /** Bytes of the file. */
  readonly size: number;
  /** Bytes of each fragment. */
  readonly fragmentSize: number;
  /** SHA-256 of all fragments one behind the other, in the order of the bricks. */
  readonly sha256: string;
  /** trusted.ec.*, in hexadecimal; every brick has the same. */
  readonly attributes: Readonly<Record<string, string>>;
  /** The fragments themselves, in base64, of small files. */
  readonly fragments?: readonly string[];
}

/** One geometry; `glusterfs` is the version that wrote the fragments. */
export interface DisperseVector {
  readonly glusterfs: string;
  readonly files: readonly FileVector[];
}

export const vectorFile = (geometry: Geometry): URL =>
  new URL(`../../vectors/disperse/${nameOf(geometry)}.json`, import.meta.url);

export function readVector(geometry: Geometry): DisperseVector {
  return JSON.parse(readFileSync(vectorFile(geometry), 'utf8')) as DisperseVector;
}

export function fingerprint(fragments: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const fragment of fragments) hash.update(fragment);
  return hash.digest('hex');
}
