import { expect, test } from 'vitest';
import { xxh64 } from '../../src/checksum/xxh64.ts';

/** The generator of xxHash's own sanity check: bytes that are reproducible in every language. */
function sanityBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 2654435761n;
  for (let index = 0; index < length; index++) {
    bytes[index] = Number(state >> 56n);
    state = BigInt.asUintN(64, state * 11400714785074694797n);
  }
  return bytes;
}

test.each([
  ['', 0n, 0xef46db3751d8e999n],
  ['a', 0n, 0xd24ec4f1a98c6e5bn],
  ['abc', 0n, 0x44bc2cf5ad770999n],
  ['Nobody inspects the spammish repetition', 0n, 0xfbcea83c8a378bf1n],
])('XXH64 of %j is as published', (text, seed, expected) => {
  expect(xxh64(Buffer.from(text), seed)).toBe(expected);
});

test.each([
  [1, 0n, 0xe934a84adb052768n],
  [4, 0n, 0x9136a0dca57457een],
  [14, 0n, 0x8282dcc4994e35c8n],
  [222, 0n, 0xb641ae8cb691c174n],
  [222, 0x9e3779b1n, 0x20cb8ab7ae10c14an],
])('XXH64 of %i sanity bytes with seed %i is as published', (length, seed, expected) => {
  expect(xxh64(sanityBytes(length), seed)).toBe(expected);
});
