/* GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1 (0x11D), whose x generates all elements but 0. */

const MODULUS = 0x11d;
const ORDER = 255;

/** Powers of x, twice over, so that a sum of two logarithms needs no modulo. */
const powers = new Uint8Array(2 * ORDER);
const logarithms = new Uint8Array(256);
for (let exponent = 0, power = 1; exponent < ORDER; exponent++) {
  powers[exponent] = power;
  powers[exponent + ORDER] = power;
  logarithms[power] = exponent;
  power <<= 1;
  if (power > 0xff) power ^= MODULUS;
}

export function multiply(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : powers[logarithms[a]! + logarithms[b]!]!;
}

/** a / b; b is not 0. */
export function divide(a: number, b: number): number {
  return a === 0 ? 0 : powers[logarithms[a]! + ORDER - logarithms[b]!]!;
}

/** For each plane of the product with `factor`, the set of the planes that it sums, one bit each. */
export function planesOfProduct(factor: number): Uint8Array {
  const sets = new Uint8Array(8);
  for (let from = 0; from < 8; from++) {
    const product = multiply(factor, 1 << from);
    for (let to = 0; to < 8; to++) sets[to]! |= ((product >> to) & 1) << from;
  }
  return sets;
}
