#pragma once

#include <cstring>

#include "checksum/checksum.h"
#include "checksum/crc32c-tables.h"

namespace glfs {

/*
 * CRC-32C by an instruction that takes 8 bytes. It answers after three cycles but can be issued every cycle, so three
 * lanes of a stripe run at once; their registers are put together by shifting the first two over the bytes behind them.
 * `Step` has one(crc, byte) and eight(crc, word).
 */
template <typename Step>
inline uint32_t crc32c_interleaved(uint32_t state, const uint8_t* data, size_t length) {
  constexpr size_t kLane = 1024;
  static constexpr Crc32cTables<4> kOne = crc32c_shift_tables<kLane>();
  static constexpr Crc32cTables<4> kTwo = crc32c_shift_tables<2 * kLane>();
  const auto shift = [](const Crc32cTables<4>& by, uint32_t crc) {
    return by.table[0][crc & 0xff] ^ by.table[1][crc >> 8 & 0xff] ^ by.table[2][crc >> 16 & 0xff] ^
           by.table[3][crc >> 24];
  };
  const auto load = [](const uint8_t* from) {
    uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return word;
  };

  uint32_t crc = ~state;
  for (; length >= 3 * kLane; length -= 3 * kLane, data += 3 * kLane) {
    uint32_t second = 0;
    uint32_t third = 0;
    for (size_t i = 0; i < kLane; i += 8) {
      crc = Step::eight(crc, load(data + i));
      second = Step::eight(second, load(data + kLane + i));
      third = Step::eight(third, load(data + 2 * kLane + i));
    }
    crc = shift(kTwo, crc) ^ shift(kOne, second) ^ third;
  }
  for (; length >= 8; length -= 8, data += 8) crc = Step::eight(crc, load(data));
  for (; length > 0; length--, data++) crc = Step::one(crc, *data);
  return ~crc;
}

}  // namespace glfs
