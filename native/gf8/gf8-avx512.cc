#include <immintrin.h>

#include "gf8/combine.h"
#include "gf8/evaluate.h"
#include "gf8/two-and-one.h"

namespace glfs {

namespace {

// A plane is one register, and one instruction sums three.
struct Lanes {
  using Planes = __m512i;
  static constexpr size_t kBytes = 64;
  static constexpr bool kPairs = true;
  static constexpr size_t kWorthStaging = 3;

  static GLFS_INLINE Planes load(const uint8_t* from) { return _mm512_loadu_si512(from); }
  static GLFS_INLINE void store(uint8_t* to, Planes planes) { _mm512_storeu_si512(to, planes); }
  static GLFS_INLINE Planes zero() { return _mm512_setzero_si512(); }
  static GLFS_INLINE Planes sum(Planes a, Planes b) { return _mm512_xor_si512(a, b); }
  static GLFS_INLINE Planes sum(Planes a, Planes b, Planes c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }
};

}  // namespace

void evaluate_avx512(const Evaluation& job, size_t first, size_t count) {
  if (TwoAndOne<Lanes>::evaluate(job, first, count)) return;
  Evaluator<Lanes>::run(job, first, count);
}

void combine_avx512(const Combination& job, size_t first, size_t count) {
  if (TwoAndOne<Lanes>::combine(job, first, count)) return;
  Combiner<Lanes>::run(job, first, count);
}

}  // namespace glfs
