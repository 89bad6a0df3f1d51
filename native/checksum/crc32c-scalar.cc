#include "checksum/checksum.h"
#include "checksum/crc32c-tables.h"

namespace glfs {

namespace {

// Eight tables: what a byte contributes when 0 to 7 bytes follow it.
constexpr Crc32cTables<8> kTables = crc32c_tables<8>();

inline uint32_t load32(const uint8_t* data) {
  return static_cast<uint32_t>(data[0]) | static_cast<uint32_t>(data[1]) << 8 | static_cast<uint32_t>(data[2]) << 16 |
         static_cast<uint32_t>(data[3]) << 24;
}

}  // namespace

uint32_t crc32c_scalar(uint32_t state, const uint8_t* data, size_t length) {
  const auto& t = kTables.table;
  uint32_t crc = ~state;
  for (; length >= 8; length -= 8, data += 8) {
    const uint32_t low = load32(data) ^ crc;
    const uint32_t high = load32(data + 4);
    crc = t[7][low & 0xff] ^ t[6][low >> 8 & 0xff] ^ t[5][low >> 16 & 0xff] ^ t[4][low >> 24] ^ t[3][high & 0xff] ^
          t[2][high >> 8 & 0xff] ^ t[1][high >> 16 & 0xff] ^ t[0][high >> 24];
  }
  for (; length > 0; length--, data++) crc = t[0][(crc ^ *data) & 0xff] ^ crc >> 8;
  return ~crc;
}

}  // namespace glfs
