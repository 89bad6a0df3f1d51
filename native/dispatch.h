#pragma once

#include <vector>

#include "checksum/checksum.h"
#include "gf8/gf8.h"

namespace glfs {

// One level of instructions with the function that serves it best; each level includes those below it.
struct Kernel {
  const char* name;
  Checksum weak;
  Checksum crc32c;
  Evaluate evaluate;
  Combine combine;
};

// The levels that this CPU has, the best one last. Always begins with "scalar".
std::vector<Kernel> kernels();

}  // namespace glfs
