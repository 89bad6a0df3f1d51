import { divide, multiply } from './field.ts';

/** Row by row: at [row * columns + column]. */
export type Matrix = Uint8Array;

/**
 * The fragment with number `index` is the value at `index + 1` of the polynomial whose coefficients are the chunks of a
 * stripe, highest power first: one row of the powers for each index.
 * @source ec_method_matrix_normal
 */
export function encodingMatrix(data: number, indices: readonly number[]): Matrix {
  const matrix = new Uint8Array(indices.length * data);
  for (const [row, index] of indices.entries()) {
    for (let column = data - 1, power = 1; column >= 0; column--) {
      matrix[row * data + column] = power;
      power = multiply(power, index + 1);
    }
  }
  return matrix;
}

/**
 * Gives a stripe's chunks from its fragments with the numbers `indices`, all different: by Lagrange's interpolation.
 * Column i has the coefficients of the polynomial that is 1 at its own point and 0 at those of the others.
 */
export function decodingMatrix(indices: readonly number[]): Matrix {
  const size = indices.length;
  const points = indices.map((index) => index + 1);
  const master = polynomialWithRoots(points);
  const matrix = new Uint8Array(size * size);
  for (const [column, point] of points.entries()) {
    // The quotient by (x - point), and its value at the point.
    const quotient = new Uint8Array(size);
    let value = 0;
    for (let row = 0, coefficient = 0; row < size; row++) {
      coefficient = master[row]! ^ multiply(coefficient, point);
      quotient[row] = coefficient;
      value = multiply(value, point) ^ coefficient;
    }
    for (let row = 0; row < size; row++) matrix[row * size + column] = divide(quotient[row]!, value);
  }
  return matrix;
}

/** Coefficients of the product of all (x - root), highest power first. */
function polynomialWithRoots(roots: readonly number[]): Uint8Array {
  const product = new Uint8Array(roots.length + 1);
  product[0] = 1;
  for (const [degree, root] of roots.entries())
    for (let at = degree + 1; at > 0; at--) product[at]! ^= multiply(product[at - 1]!, root);
  return product;
}

/** `left` is rows x size, `right` is size x columns. */
export function multiplyMatrices(left: Matrix, right: Matrix, size: number): Matrix {
  const rows = left.length / size;
  const columns = right.length / size;
  const product = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      for (let at = 0; at < size; at++)
        product[row * columns + column]! ^= multiply(left[row * size + at]!, right[at * columns + column]!);
  return product;
}
