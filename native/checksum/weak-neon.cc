#include <arm_neon.h>

#include "checksum/weak-vector.h"

namespace glfs {

namespace {

alignas(16) constexpr uint8_t kWeights[16] = {16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1};

struct Lanes {
  static constexpr size_t kBlock = 16;
  uint32x4_t bytes = vdupq_n_u32(0);
  uint32x4_t before = vdupq_n_u32(0);
  uint32x4_t weighted = vdupq_n_u32(0);

  void block(const uint8_t* data) {
    const uint8x16_t weights = vld1q_u8(kWeights);
    const uint8x16_t input = vld1q_u8(data);
    before = vaddq_u32(before, bytes);
    bytes = vpadalq_u16(bytes, vpaddlq_u8(input));
    weighted = vpadalq_u16(weighted, vmull_u8(vget_low_u8(input), vget_low_u8(weights)));
    weighted = vpadalq_u16(weighted, vmull_high_u8(input, weights));
  }

  void fold(uint32_t& total, uint32_t& sums) const {
    total += vaddvq_u32(bytes);
    sums += vaddvq_u32(vaddq_u32(weighted, vshlq_n_u32(before, 4)));
  }
};

}  // namespace

uint32_t weak_neon(uint32_t state, const uint8_t* data, size_t length) {
  return weak_by_blocks<Lanes>(state, data, length);
}

}  // namespace glfs
