#pragma once

#include <cstddef>
#include <cstdint>

// All checksums can go on: the state is what the call for the bytes before returned, 0 at the start.
namespace glfs {

using Checksum = uint32_t (*)(uint32_t state, const uint8_t* data, size_t length);

// The rolling checksum of RCHECKSUM: Adler-32's two sums modulo 65521, both from 0 (zlib's own start is 1).
// Result: sum of the sums << 16 | sum of the bytes.
uint32_t weak_scalar(uint32_t state, const uint8_t* data, size_t length);
uint32_t weak_avx2(uint32_t state, const uint8_t* data, size_t length);
uint32_t weak_avx512(uint32_t state, const uint8_t* data, size_t length);
uint32_t weak_neon(uint32_t state, const uint8_t* data, size_t length);

// CRC-32C (Castagnoli, RFC 3720 appendix B.4), reflected, with both inversions.
uint32_t crc32c_scalar(uint32_t state, const uint8_t* data, size_t length);
uint32_t crc32c_sse42(uint32_t state, const uint8_t* data, size_t length);
uint32_t crc32c_armv8(uint32_t state, const uint8_t* data, size_t length);

constexpr uint32_t kWeakModulus = 65521;
// So many bytes can be summed in 32 bits before the modulus is due: 255 n (n + 1) / 2 + (n + 1) 65520 < 2^32.
constexpr size_t kWeakChunk = 5552;

}  // namespace glfs
