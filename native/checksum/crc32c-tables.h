#pragma once

#include <cstddef>
#include <cstdint>

namespace glfs {

// Castagnoli's polynomial, lowest bit first.
constexpr uint32_t kCrc32cPolynomial = 0x82f63b78;

template <size_t N>
struct Crc32cTables {
  uint32_t table[N][256] = {};
};

// table[k][byte]: the CRC register of that byte with k zero bytes behind it.
template <size_t N>
constexpr Crc32cTables<N> crc32c_tables() {
  Crc32cTables<N> result;
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? crc >> 1 ^ kCrc32cPolynomial : crc >> 1;
    result.table[0][byte] = crc;
  }
  for (size_t k = 1; k < N; k++) {
    for (uint32_t byte = 0; byte < 256; byte++) {
      const uint32_t crc = result.table[k - 1][byte];
      result.table[k][byte] = result.table[0][crc & 0xff] ^ crc >> 8;
    }
  }
  return result;
}

// Product of two polynomials modulo the CRC's, in its reflected form (the highest bit is x^0).
constexpr uint32_t crc32c_multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = 0x80000000; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = (b & 1) != 0 ? b >> 1 ^ kCrc32cPolynomial : b >> 1;
  }
  return product;
}

// x^(8 * bytes): what a register is multiplied by when so many zero bytes follow.
constexpr uint32_t crc32c_shift(size_t bytes) {
  uint32_t result = 0x80000000;
  uint32_t square = 0x00800000;
  for (; bytes != 0; bytes >>= 1) {
    if ((bytes & 1) != 0) result = crc32c_multiply(result, square);
    square = crc32c_multiply(square, square);
  }
  return result;
}

// table[k][byte]: the product of that byte, as byte k of a register, with x^(8 * Bytes).
template <size_t Bytes>
constexpr Crc32cTables<4> crc32c_shift_tables() {
  Crc32cTables<4> result;
  const uint32_t factor = crc32c_shift(Bytes);
  for (uint32_t k = 0; k < 4; k++) {
    for (uint32_t byte = 0; byte < 256; byte++) result.table[k][byte] = crc32c_multiply(byte << 8 * k, factor);
  }
  return result;
}

}  // namespace glfs
