#pragma once

#include "checksum/checksum.h"

namespace glfs {

/*
 * Adler's sums by vectors. A block of n bytes adds to `bytes` its bytes, and to `sums` n times what `bytes` was before
 * it, and its bytes weighted n, n-1 ... 1. `Lanes` keeps the three terms in lanes and folds them at the end of a chunk:
 *   block(data)   takes Lanes::kBlock bytes;
 *   fold(b, s)    adds sum of bytes, and of weighted bytes + kBlock * (sum of what `bytes` was), given b at the start.
 */
template <typename Lanes>
inline uint32_t weak_by_blocks(uint32_t state, const uint8_t* data, size_t length) {
  uint32_t bytes = state & 0xffff;
  uint32_t sums = state >> 16;
  while (length >= Lanes::kBlock) {
    size_t blocks = (length < kWeakChunk ? length : kWeakChunk) / Lanes::kBlock;
    length -= blocks * Lanes::kBlock;
    sums += static_cast<uint32_t>(blocks * Lanes::kBlock) * bytes;
    Lanes lanes;
    for (; blocks > 0; blocks--, data += Lanes::kBlock) lanes.block(data);
    lanes.fold(bytes, sums);
    bytes %= kWeakModulus;
    sums %= kWeakModulus;
  }
  return weak_scalar(sums << 16 | bytes, data, length);
}

}  // namespace glfs
