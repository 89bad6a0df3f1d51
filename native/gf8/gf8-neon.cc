#include <arm_neon.h>

#include "gf8/combine.h"
#include "gf8/evaluate.h"
#include "gf8/two-and-one.h"

namespace glfs {

namespace {

struct Lanes {
  using Planes = uint8x16_t;
  static constexpr size_t kBytes = 16;
  static constexpr bool kPairs = true;
  static constexpr size_t kWorthStaging = 3;

  static GLFS_INLINE Planes load(const uint8_t* from) { return vld1q_u8(from); }
  static GLFS_INLINE void store(uint8_t* to, Planes planes) { vst1q_u8(to, planes); }
  static GLFS_INLINE Planes zero() { return vdupq_n_u8(0); }
  static GLFS_INLINE Planes sum(Planes a, Planes b) { return veorq_u8(a, b); }
  static GLFS_INLINE Planes sum(Planes a, Planes b, Planes c) { return sum(sum(a, b), c); }
};

}  // namespace

void evaluate_neon(const Evaluation& job, size_t first, size_t count) {
  if (TwoAndOne<Lanes>::evaluate(job, first, count)) return;
  Evaluator<Lanes>::run(job, first, count);
}

void combine_neon(const Combination& job, size_t first, size_t count) {
  if (TwoAndOne<Lanes>::combine(job, first, count)) return;
  Combiner<Lanes>::run(job, first, count);
}

}  // namespace glfs
