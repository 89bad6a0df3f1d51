#include <immintrin.h>

#include "checksum/weak-vector.h"

namespace glfs {

namespace {

struct Lanes {
  static constexpr size_t kBlock = 64;
  __m512i bytes = _mm512_setzero_si512();
  __m512i before = _mm512_setzero_si512();
  __m512i weighted = _mm512_setzero_si512();

  void block(const uint8_t* data) {
    // Weights 64, 63 ... 1, from the last byte down.
    const __m512i weights =
        _mm512_set_epi8(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
                        27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50,
                        51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64);
    const __m512i input = _mm512_loadu_si512(data);
    before = _mm512_add_epi32(before, bytes);
    bytes = _mm512_add_epi32(bytes, _mm512_sad_epu8(input, _mm512_setzero_si512()));
    // Two weighted bytes are at most 255 * 127: they fit in 16 signed bits.
    const __m512i pairs = _mm512_maddubs_epi16(input, weights);
    weighted = _mm512_add_epi32(weighted, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
  }

  void fold(uint32_t& total, uint32_t& sums) const {
    total += static_cast<uint32_t>(_mm512_reduce_add_epi32(bytes));
    sums += static_cast<uint32_t>(_mm512_reduce_add_epi32(_mm512_add_epi32(weighted, _mm512_slli_epi32(before, 6))));
  }
};

}  // namespace

uint32_t weak_avx512(uint32_t state, const uint8_t* data, size_t length) {
  return weak_by_blocks<Lanes>(state, data, length);
}

}  // namespace glfs
