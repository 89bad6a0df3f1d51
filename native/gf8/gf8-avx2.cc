#include <immintrin.h>

#include "gf8/combine.h"
#include "gf8/evaluate.h"
#include "gf8/two-and-one.h"

namespace glfs {

namespace {

struct Lanes {
  using Planes = __m256i;
  static constexpr size_t kBytes = 32;
  // Sixteen registers do not hold two sums and what they need.
  static constexpr bool kPairs = false;
  static constexpr size_t kWorthStaging = 6;

  static GLFS_INLINE Planes load(const uint8_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  static GLFS_INLINE void store(uint8_t* to, Planes planes) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), planes);
  }
  static GLFS_INLINE Planes zero() { return _mm256_setzero_si256(); }
  static GLFS_INLINE Planes sum(Planes a, Planes b) { return _mm256_xor_si256(a, b); }
  static GLFS_INLINE Planes sum(Planes a, Planes b, Planes c) { return sum(sum(a, b), c); }
};

}  // namespace

void evaluate_avx2(const Evaluation& job, size_t first, size_t count) {
  if (TwoAndOne<Lanes>::evaluate(job, first, count)) return;
  Evaluator<Lanes>::run(job, first, count);
}

void combine_avx2(const Combination& job, size_t first, size_t count) {
  if (TwoAndOne<Lanes>::combine(job, first, count)) return;
  Combiner<Lanes>::run(job, first, count);
}

}  // namespace glfs
