#include <immintrin.h>

#include "checksum/weak-vector.h"

namespace glfs {

namespace {

struct Lanes {
  static constexpr size_t kBlock = 32;
  __m256i bytes = _mm256_setzero_si256();
  __m256i before = _mm256_setzero_si256();
  __m256i weighted = _mm256_setzero_si256();

  void block(const uint8_t* data) {
    const __m256i weights = _mm256_setr_epi8(32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15,
                                             14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1);
    const __m256i input = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data));
    before = _mm256_add_epi32(before, bytes);
    bytes = _mm256_add_epi32(bytes, _mm256_sad_epu8(input, _mm256_setzero_si256()));
    // Two weighted bytes are at most 255 * 63: they fit in 16 signed bits.
    const __m256i pairs = _mm256_maddubs_epi16(input, weights);
    weighted = _mm256_add_epi32(weighted, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }

  static uint32_t sum(__m256i lanes) {
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, _MM_SHUFFLE(1, 0, 3, 2)));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, _MM_SHUFFLE(2, 3, 0, 1)));
    return static_cast<uint32_t>(_mm_cvtsi128_si32(half));
  }

  void fold(uint32_t& total, uint32_t& sums) const {
    total += sum(bytes);
    sums += sum(_mm256_add_epi32(weighted, _mm256_slli_epi32(before, 5)));
  }
};

}  // namespace

uint32_t weak_avx2(uint32_t state, const uint8_t* data, size_t length) {
  return weak_by_blocks<Lanes>(state, data, length);
}

}  // namespace glfs
