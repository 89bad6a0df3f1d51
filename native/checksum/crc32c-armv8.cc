#include <arm_acle.h>

#include "checksum/crc32c-interleaved.h"

namespace glfs {

namespace {

struct Step {
  static uint32_t one(uint32_t crc, uint8_t byte) { return __crc32cb(crc, byte); }
  static uint32_t eight(uint32_t crc, uint64_t word) { return __crc32cd(crc, word); }
};

}  // namespace

uint32_t crc32c_armv8(uint32_t state, const uint8_t* data, size_t length) {
  return crc32c_interleaved<Step>(state, data, length);
}

}  // namespace glfs
