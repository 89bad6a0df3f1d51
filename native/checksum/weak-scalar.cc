#include "checksum/checksum.h"

namespace glfs {

uint32_t weak_scalar(uint32_t state, const uint8_t* data, size_t length) {
  uint32_t bytes = state & 0xffff;
  uint32_t sums = state >> 16;
  while (length > 0) {
    const size_t chunk = length < kWeakChunk ? length : kWeakChunk;
    for (size_t i = 0; i < chunk; i++) {
      bytes += data[i];
      sums += bytes;
    }
    bytes %= kWeakModulus;
    sums %= kWeakModulus;
    data += chunk;
    length -= chunk;
  }
  return sums << 16 | bytes;
}

}  // namespace glfs
