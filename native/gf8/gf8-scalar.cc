#include <array>
#include <cstring>

#include "gf8/gf8.h"
#include "gf8/product.h"

// Without vectors: a function for each constant adds the product of a chunk to a sum in memory, 64 bits at a time.
namespace glfs {

namespace {

struct Lanes {
  using Planes = uint64_t;
  static GLFS_INLINE Planes sum(Planes a, Planes b) { return a ^ b; }
  static GLFS_INLINE Planes sum(Planes a, Planes b, Planes c) { return a ^ b ^ c; }
};

constexpr size_t kWords = kPlane / sizeof(uint64_t);

struct Chunk {
  uint64_t planes[8][kWords];
};

template <int Factor>
void add(Chunk& sum, const Chunk& value) {
  for (size_t word = 0; word < kWords; word++) {
    uint64_t s[8], v[8];
    for (size_t p = 0; p < 8; p++) s[p] = sum.planes[p][word];
    for (size_t p = 0; p < 8; p++) v[p] = value.planes[p][word];
    Product<Lanes, Factor>::add(s, v);
    for (size_t p = 0; p < 8; p++) sum.planes[p][word] = s[p];
  }
}

using Adder = void (*)(Chunk& sum, const Chunk& value);

template <size_t... I>
constexpr std::array<Adder, sizeof...(I)> adders(std::index_sequence<I...>) {
  return {add<int{I}>...};
}

constexpr auto kAdders = adders(std::make_index_sequence<256>());

}  // namespace

void evaluate_scalar(const Evaluation& job, size_t first, size_t count) {
  Chunk chunks[kMaxData];
  for (size_t at = first; at < first + count; at++) {
    std::memcpy(chunks, job.input + at * job.data * kChunk, job.data * kChunk);
    for (size_t i = 0; i < job.count; i++) {
      const Adder times_point = kAdders[job.points[i]];
      Chunk sums[2];
      std::memcpy(&sums[0], &chunks[0], kChunk);
      for (size_t j = 1; j < job.data; j++) {
        std::memcpy(&sums[j % 2], &chunks[j], kChunk);
        times_point(sums[j % 2], sums[(j - 1) % 2]);
      }
      std::memcpy(job.fragments[i] + at * kChunk, &sums[(job.data - 1) % 2], kChunk);
    }
  }
}

void combine_scalar(const Combination& job, size_t first, size_t count) {
  Chunk chunks[kMaxData];
  for (size_t at = first; at < first + count; at++) {
    for (size_t column = 0; column < job.columns; column++) {
      std::memcpy(&chunks[column], job.sources[column] + at * kChunk, kChunk);
    }
    for (size_t row = 0; row < job.rows; row++) {
      Chunk sum;
      std::memset(&sum, 0, kChunk);
      for (size_t column = 0; column < job.columns; column++) {
        const uint8_t factor = job.matrix[row * job.columns + column];
        if (factor != 0) kAdders[factor](sum, chunks[column]);
      }
      std::memcpy(job.targets[row] + at * job.step, &sum, kChunk);
    }
  }
}

}  // namespace glfs
