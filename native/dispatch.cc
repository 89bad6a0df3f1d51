#include "dispatch.h"

#if defined(GLFS_ARM64) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace glfs {

#if defined(GLFS_X64)

static void append_fast(std::vector<Kernel>& list) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("sse4.2")) return;
  list.push_back({"sse42", weak_scalar, crc32c_sse42, evaluate_scalar, combine_scalar});
  if (!__builtin_cpu_supports("avx2")) return;
  list.push_back({"avx2", weak_avx2, crc32c_sse42, evaluate_avx2, combine_avx2});
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw")) return;
  list.push_back({"avx512", weak_avx512, crc32c_sse42, evaluate_avx512, combine_avx512});
}

#elif defined(GLFS_ARM64)

// NEON is part of every 64-bit ARM; the CRC instructions are optional in ARMv8.0.
static bool has_crc() {
#if defined(__linux__)
  return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#else
  return true;
#endif
}

static void append_fast(std::vector<Kernel>& list) {
  list.push_back({"neon", weak_neon, has_crc() ? crc32c_armv8 : crc32c_scalar, evaluate_neon, combine_neon});
}

#else

static void append_fast(std::vector<Kernel>&) {}

#endif

std::vector<Kernel> kernels() {
  std::vector<Kernel> list{{"scalar", weak_scalar, crc32c_scalar, evaluate_scalar, combine_scalar}};
  append_fast(list);
  return list;
}

}  // namespace glfs
